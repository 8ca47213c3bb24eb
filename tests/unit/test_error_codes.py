"""The registry of codes, the source that raises them, and the documents agree."""

import importlib
import pkgutil
from collections import Counter

import tone_shootout
from tests.support.error_codes import GUIDE, has_test, literals, raised_codes, written
from tests.support.provoked_codes import PROVOKED_BY
from tone_shootout.error_codes import ERROR_CODES, all_codes
from tone_shootout.kit.http.problems import HTTP_CODES, ProblemError


def _load_errors() -> None:
    for module in pkgutil.walk_packages(tone_shootout.__path__, "tone_shootout."):
        if module.name.endswith((".errors", ".body_timeout", ".sign_in_limits", ".preconditions")):
            importlib.import_module(module.name)


def _problem_errors(base: type[ProblemError]) -> set[type[ProblemError]]:
    return {base}.union(*(_problem_errors(each) for each in base.__subclasses__()))


def test_no_code_is_raised_that_the_registry_does_not_have() -> None:
    unknown = {code: places for code, places in raised_codes().items() if code not in all_codes()}
    assert unknown == {}


def test_the_registry_has_no_code_that_nothing_raises() -> None:
    assert set(all_codes()) - literals() == set()


def test_no_code_stands_in_the_registry_twice() -> None:
    counts = Counter(entry.code for entries in ERROR_CODES.values() for entry in entries)
    assert [code for code, count in counts.items() if count > 1] == []


def test_every_error_class_has_a_status_of_its_code() -> None:
    _load_errors()
    for error in _problem_errors(ProblemError):
        assert error.status in all_codes()[error.code].statuses, error


def test_every_status_of_the_framework_has_a_code_of_the_registry() -> None:
    for status, code in HTTP_CODES.items():
        assert status in all_codes()[code].statuses, status


def test_every_code_is_provoked_by_a_test() -> None:
    """A new code needs a row in `PROVOKED_BY`. While the test runs, `tests.support.seen_codes` sees that it occurs."""
    assert sorted(PROVOKED_BY) == sorted(all_codes())
    assert [test for test in PROVOKED_BY.values() if not has_test(test)] == []


def test_the_guide_has_the_codes_of_the_registry() -> None:
    assert GUIDE.read_text() == written(), "task docs"
