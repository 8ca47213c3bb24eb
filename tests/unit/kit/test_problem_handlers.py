"""Faults that no request can provoke at will have the codes of the table."""

import json
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.exceptions import PermissionDeniedException
from litestar.testing import TestClient
from sqlalchemy.exc import IntegrityError, OperationalError

from tone_shootout.kit.http.problems import EXCEPTION_HANDLERS

FAULTS: dict[str, Exception] = {
    "conflict": IntegrityError("INSERT", {}, Exception("duplicate key")),
    "forbidden": PermissionDeniedException(),
    "internal_error": ZeroDivisionError("a secret detail"),
    "unavailable": OperationalError("SELECT", {}, ConnectionError("a secret host")),
}
STATUSES = {"conflict": 409, "forbidden": 403, "internal_error": 500, "unavailable": 503}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_a_problem_with_its_code_and_no_detail_of_the_exception(code: str) -> None:
    @get("/")
    async def fail() -> None:
        raise FAULTS[code]

    handlers: Any = EXCEPTION_HANDLERS
    with TestClient(Litestar([fail], exception_handlers=handlers), raise_server_exceptions=False) as client:
        answer = client.get("/")
    problem = json.loads(answer.content)
    assert (answer.status_code, problem["status"], problem["code"]) == (STATUSES[code], STATUSES[code], code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
