"""The classes of errors match the codes and statuses of the service."""

import importlib
import pkgutil

import pytest

import tone_shootout
from tone_shootout.client import errors
from tone_shootout.kit.http.problems import ProblemError


def _problems() -> dict[str, type[ProblemError]]:
    for module in pkgutil.walk_packages(tone_shootout.__path__, "tone_shootout."):
        if module.name.endswith(("errors", "body_timeout", "problems")):
            importlib.import_module(module.name)
    found: list[type[ProblemError]] = [ProblemError]
    for each in found:
        found += each.__subclasses__()
    return {each.code: each for each in found}


@pytest.mark.parametrize("code", sorted(errors.BY_CODE))
def test_every_code_of_the_client_is_one_of_the_service(code: str) -> None:
    assert _problems()[code].status == errors.BY_CODE[code]("", code=code).http_status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503])
def test_a_code_without_a_class_has_that_of_its_status(status: int) -> None:
    found = errors.error_class(status, "a_code_of_tomorrow")("Detail.", status=status, code="a_code_of_tomorrow")
    assert type(found) is errors.BY_STATUS[status]
    assert (found.http_status, found.code, str(found)) == (status, "a_code_of_tomorrow", "Detail.")


def test_an_unknown_status_is_an_api_error() -> None:
    assert errors.error_class(418, "teapot") is errors.ApiError


def test_temporary_errors_can_be_told_from_permanent_ones() -> None:
    assert errors.UnavailableError("").is_temporary
    assert errors.IdempotencyInFlightError("", code="idempotency_in_flight").is_temporary
    assert not errors.ConflictError("").is_temporary
