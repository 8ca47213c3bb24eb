"""Deprecated operations say so, in every response and in the document."""

from datetime import date
from typing import Final

from litestar import Litestar, get
from litestar.exceptions import NotFoundException
from litestar.params import FromQuery
from litestar.testing import TestClient

from tone_shootout.kit.http.deprecation import DEPRECATED, Deprecation, DeprecationPlugin

ENDS: Final = {DEPRECATED: Deprecation(since=date(2027, 1, 1), sunset=date(2028, 6, 30))}


@get("/old", opt=ENDS)
async def old(wanted: FromQuery[bool] = True) -> str:
    if not wanted:
        raise NotFoundException
    return "still here"


@get("/undecided", opt={DEPRECATED: Deprecation(since=date(2027, 1, 1))})
async def undecided() -> str:
    return "still here"


@get("/new")
async def new() -> str:
    return "here"


APP = Litestar([old, undecided, new], plugins=[DeprecationPlugin()])


def test_responses_of_a_deprecated_operation_have_both_dates_and_so_have_its_errors() -> None:
    with TestClient(APP) as client:
        for path, status in (("/old", 200), ("/old?wanted=false", 404)):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["deprecation"]) == (status, "@1798761600")
            assert answer.headers["sunset"] == "Fri, 30 Jun 2028 00:00:00 GMT"


def test_a_deprecated_operation_whose_end_is_not_decided_has_no_sunset() -> None:
    with TestClient(APP) as client:
        headers = client.get("/undecided").headers
    assert (headers["deprecation"], headers.get("sunset")) == ("@1798761600", None)


def test_other_operations_have_neither() -> None:
    with TestClient(APP) as client:
        assert not {"deprecation", "sunset"} & client.get("/new").headers.keys()


def test_the_document_marks_deprecated_operations() -> None:
    paths = APP.openapi_schema.to_schema()["paths"]
    assert {path: bool(item["get"].get("deprecated")) for path, item in paths.items()} == {
        "/old": True,
        "/undecided": True,
        "/new": False,
    }
