"""Traces: one from the request through the queue to the segments, and none unless they are turned on."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import anyio.to_thread
import httpx
import pytest

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import finish, submit
from tests.support.collector import CollectedSpan, collecting
from tests.support.live import web_process, working
from tests.support.shared import PROJECT
from tone_shootout.kit.settings import LogSettings, Settings, SettingsError
from tone_shootout.kit.tracing import is_wanted

IMPORTED = """
import sys
from tone_shootout.lean_imports import import_libraries
import_libraries()
from tone_shootout.app import create_app
from tone_shootout.kit.settings import Settings, DatabaseSettings, RedisSettings, SecuritySettings, new_encryption_key
from pathlib import Path
create_app(Settings(
    data=Path(sys.argv[1]),
    database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
    redis=RedisSettings(url="redis://127.0.0.1:9/0"),
    security=SecuritySettings(secret="x" * 40, encryption_keys=[new_encryption_key()]),
))
import tone_shootout.jobs.execution.runner
print([name for name in sys.modules if name.split(".")[0] == "opentelemetry"])

import os
from tone_shootout.kit.settings import SettingsError
from tone_shootout.kit.tracing import configure_tracing
from tone_shootout.lean_imports import hidden
os.environ["OTEL_TRACES_EXPORTER"] = "otlp"
try:
    with hidden("opentelemetry"):
        configure_tracing()
except SettingsError as error:
    print(error)
"""


@pytest.mark.slow
async def test_one_trace_leads_from_the_request_through_the_queue_to_the_segments(
    settings: Settings, user: Person, tmp_path: Path
) -> None:
    made = replace(settings, log=LogSettings(format="json"))
    log = tmp_path / "worker.log"
    with collecting() as collector:
        web = web_process(made, **collector.variables)
        running = await anyio.to_thread.run_sync(web.__enter__)
        try:
            with log.open("w") as file:
                worker = working(made, file, **collector.variables)
                await anyio.to_thread.run_sync(worker.__enter__)
                try:
                    headers = {"Authorization": f"Bearer {user.token}", "X-Request-ID": "the-request"}
                    async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=60) as client:
                        job = await submit(client)
                    events = await finish(running.url, user, job["id"])
                finally:
                    await anyio.to_thread.run_sync(worker.__exit__, None, None, None)
        finally:
            await anyio.to_thread.run_sync(web.__exit__, None, None, None)
        spans = collector.spans
    assert events[-1]["data"]["status"] == "completed"
    (request,) = (span for span in spans if span.name == "POST /api/v1/shootouts/{shootout_id}/jobs")
    of_trace = [span for span in spans if span.trace_id == request.trace_id]
    assert {"request_id", "http.route"} <= request.attributes.keys()
    (work,), (queue,) = _named(of_trace, "job"), _named(of_trace, "queue")
    assert work.parent_id == queue.parent_id == request.span_id
    assert queue.end_ns <= work.start_ns <= work.end_ns
    assert "completed" in work.attributes["status"]
    phases = [span.name for span in of_trace if span.parent_id == work.span_id]
    assert phases[0] == "fetch"
    assert {"render", "level", "publish"} <= set(phases)
    segments = _named(of_trace, "segment")
    (render,) = _named(of_trace, "render")
    assert len(segments) == 2
    assert {span.parent_id for span in segments} == {render.span_id}
    assert not [span for span in spans if "/health/" in span.name]
    assert not [span for span in spans for value in span.attributes.values() if user.token in value]
    lines = [json.loads(line) for line in log.read_text().splitlines() if "job_completed" in line]
    assert [(line["job_id"], line["request_id"], line["trace_id"]) for line in lines] == [
        (job["id"], "the-request", request.trace_id)
    ]
    requests = [json.loads(line) for line in running.log if '"POST"' in line and "/jobs" in line]
    assert [(line["request_id"], line["trace_id"]) for line in requests] == [("the-request", request.trace_id)]


def _named(spans: list[CollectedSpan], name: str) -> list[CollectedSpan]:
    return [span for span in spans if span.name == name]


def test_processes_import_nothing_of_opentelemetry_while_traces_are_off_and_miss_it_while_they_are_on(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    missing = "OTEL_TRACES_EXPORTER: traces need more packages: install `tone-shootout[traces]`"
    assert (done.stdout.splitlines(), done.returncode) == (["[]", missing], 0), done.stderr


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": ""}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
    ],
)
def test_only_the_exporter_turns_traces_on(variables: dict[str, str], wanted: bool) -> None:
    assert is_wanted(variables) is wanted


def test_an_unknown_exporter_is_named() -> None:
    with pytest.raises(SettingsError, match="OTEL_TRACES_EXPORTER: expected one of none, otlp, console"):
        is_wanted({"OTEL_TRACES_EXPORTER": "zipkin"})
