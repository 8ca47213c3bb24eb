"""JSON merge patches: the examples of RFC 7396, appendix A, and a bound on their depth."""

import json
from typing import Any

import pytest

from tone_shootout.kit.merge_patch import MAX_DEPTH, TooDeepError, merge_patch

RFC_7396: list[tuple[str, str, str]] = [
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_an_example_of_the_standard_holds_and_changes_nothing_else(target: str, patch: str, result: str) -> None:
    document, changes = json.loads(target), json.loads(patch)
    assert merge_patch(document, changes) == json.loads(result)
    assert (document, changes) == (json.loads(target), json.loads(patch))


def test_a_deep_patch_is_refused() -> None:
    def nested(levels: int) -> Any:
        made: Any = 1
        for _ in range(levels):
            made = {"a": made}
        return made

    assert merge_patch({}, nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(TooDeepError):
        merge_patch({}, nested(MAX_DEPTH + 1))
