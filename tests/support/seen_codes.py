"""Fails a test that `PROVOKED_BY` names if a code of it does not occur while the test runs.

A code occurs in an error that our code raises, in a notice that it makes, in what it says about a file, or in JSON that
the test reads (a response, an event, output of the command line): as the `code` of a problem, of an error in it, of a
notice or of a failed job.
"""

import importlib
import json
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from tests.support.provoked_codes import PROVOKED_BY
from tests.support.shared import PROJECT

ERRORS = {
    "kit.http.problems": "ProblemError",
    "rendering.spec.schema": "SpecError",
    "rendering.errors": "RenderError",
    "rendering.engine.sources": "SourceError",
    "audio.signals": "AudioError",
    "audio.nam.errors": "NamError",
    "zip_files": "ArchiveError",
    "jobs.execution.fetcher": "JobError",
}
"""Base classes of errors with a code, by module."""
MADE = {
    "rendering.notices": ("Notice", "FileNotice"),
    "rendering.output.credits": ("Notice",),
    "audio.diagnostics": ("FileNotice",),
    "audio.layouts": ("FileNotice",),
    "audio.lengths": ("FileNotice",),
    "rendering.executor.child": ("Failed",),
}
"""Notices and failures, by the modules that make them."""

_expected: dict[str, set[str]] = {}
for _code, _test in PROVOKED_BY.items():
    _expected.setdefault(_test, set()).add(_code)
_seen: dict[str, set[str]] = {}


def codes_in(document: Any) -> set[str]:
    """Return the values of `code` anywhere in decoded JSON."""
    found: set[str] = set()
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, dict):
            if isinstance(node.get("code"), str):
                found.add(node["code"])
            pending += node.values()
    return found


@contextmanager
def noting(seen: set[str]) -> Generator[None, None, None]:
    """Add the codes that occur in this process to `seen`."""

    def note_response(response: httpx.Response) -> httpx.Response:
        if response.is_closed and "json" in response.headers.get("content-type", ""):
            seen.update(codes_in(loads(response.content or b"null")))
        return response

    send, send_async, loads = httpx.Client.send, httpx.AsyncClient.send, json.loads

    def noted(client: httpx.Client, *arguments: Any, **options: Any) -> httpx.Response:
        return note_response(send(client, *arguments, **options))

    async def noted_async(client: httpx.AsyncClient, *arguments: Any, **options: Any) -> httpx.Response:
        return note_response(await send_async(client, *arguments, **options))

    def noted_loads(*arguments: Any, **options: Any) -> Any:
        document = loads(*arguments, **options)
        seen.update(codes_in(document))
        return document

    media_probe = importlib.import_module("tone_shootout.shootouts.library.media_probe")
    probe = media_probe.MediaProbe.probe

    async def noted_probe(*arguments: Any) -> Any:
        found = await probe(*arguments)
        if isinstance(found, media_probe.RejectedFile):
            seen.add(found.code)
        return found

    with ExitStack() as stack:
        for module, name in ERRORS.items():
            error = getattr(importlib.import_module(f"tone_shootout.{module}"), name)
            stack.enter_context(patch.object(error, "__init__", _noted_init(error.__init__, seen)))
        for module, names in MADE.items():
            made_in = importlib.import_module(f"tone_shootout.{module}")
            for name in names:
                stack.enter_context(patch.object(made_in, name, _noted_made(getattr(made_in, name), seen)))
        entry = importlib.import_module("tone_shootout.shootouts.library.archives").Entry
        stack.enter_context(patch.object(entry, "__init__", _noted_init(entry.__init__, seen)))
        stack.enter_context(patch.object(json, "loads", noted_loads))
        stack.enter_context(patch.object(httpx.Client, "send", noted))
        stack.enter_context(patch.object(httpx.AsyncClient, "send", noted_async))
        stack.enter_context(patch.object(media_probe.MediaProbe, "probe", noted_probe))
        yield


def _noted_init(init: Callable[..., None], seen: set[str]) -> Callable[..., None]:
    def noted(error: Any, *arguments: Any, **options: Any) -> None:
        init(error, *arguments, **options)
        seen.update({error.code, *(each.code for each in getattr(error, "errors", ()))})

    return noted


def _noted_made(kind: Callable[..., Any], seen: set[str]) -> Callable[..., Any]:
    def noted(*arguments: Any, **options: Any) -> Any:
        made = kind(*arguments, **options)
        seen.add(made.code)
        return made

    return noted


def _name_of(item: pytest.Item | None) -> str:
    function = getattr(item, "originalname", None)
    return f"{item.path.relative_to(PROJECT / 'tests')}::{function}" if item is not None and function else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Note the codes of a test that is to provoke some."""
    if _name_of(item) not in _expected:
        return (yield)
    seen: set[str] = set()
    with noting(seen):
        result = yield
    _seen.setdefault(_name_of(item), set()).update(seen)  # not of a test that fails or is skipped
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """After the last case of such a test, compare. A test that was skipped, or of which cases were selected, is not."""
    yield
    name = _name_of(item)
    if name in _seen and _name_of(nextitem) != name:
        missing = _expected[name] - _seen.pop(name)
        selected = item.config.option.keyword or any("[" in argument for argument in item.config.args)
        if missing and not selected:
            pytest.fail(f"{name} is to provoke the codes {sorted(missing)}, and they did not occur", pytrace=False)
