"""Metrics of the installation from web processes, of the work done and probes from workers."""

import asyncio
import dataclasses
import re

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import CapturingLogger

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.live import working
from tests.support.pgbouncer import free_port
from tone_shootout.composition import Services
from tone_shootout.doctor import examine
from tone_shootout.jobs import metrics
from tone_shootout.jobs.metrics import InstallationState
from tone_shootout.jobs.scheduling.versions import own_version
from tone_shootout.kit.settings import Settings


def _value(answer: httpx.Response, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", answer.text, re.MULTILINE)
    assert found is not None, f"{series} is not in {answer.text}"
    return float(found[1])


async def test_a_web_process_tells_the_state_of_the_installation(
    api: httpx.AsyncClient, user: Person, engine: AsyncEngine
) -> None:
    await submit(user.client)
    async with engine.begin() as database:
        await database.execute(text("UPDATE job SET queued_at = now() - interval '90 s', status = 'queued'"))
    for _ in range(100):  # another test may have asked within the seconds for which the state is kept
        answer = await api.get("/metrics")
        if _value(answer, "shootout_oldest_waiting_job_seconds") >= 90:
            break
        await asyncio.sleep(0.1)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert _value(answer, "shootout_state_read") == 1
    assert _value(answer, 'shootout_jobs{status="queued"}') == 1
    assert 90 <= _value(answer, "shootout_oldest_waiting_job_seconds") < 900
    assert _value(answer, "shootout_streams") == 0
    assert _value(answer, 'shootout_storage_used_bytes{kind="library"}') > 0
    assert _value(answer, 'shootout_database_connections{state="in_use"}') >= 0


async def test_a_worker_of_another_version_is_noticed(
    api: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Services(settings) as services:
        queue = services.queue
        await queue.connect()
        for name, about in (
            ("same", own_version()._asdict()),
            ("newer", {"app": "9.0.0", "engine": "3+chain.1"}),
            ("older", {}),
        ):
            queue.about = about
            await queue.worker_info(name, queue.name, ttl=120)
        finding = {each.name: each async for each in examine(services)}["workers"]
        assert finding.status == "warning"
        assert "1 of 9.0.0 (engine 3+chain.1), 1 of unknown (engine unknown)" in finding.detail
        for _ in range(100):  # another test may have asked within the seconds for which the state is kept
            answer = await api.get("/metrics")
            if _value(answer, "shootout_workers_differing") == 2:
                break
            await asyncio.sleep(0.1)
        app, engine = own_version()
        assert _value(answer, f'shootout_worker_versions{{app="{app}",engine="{engine}"}}') == 1
        assert _value(answer, 'shootout_worker_versions{app="9.0.0",engine="3+chain.1"}') == 1

        state = InstallationState(services.read_session_maker, services.engine, queue, services.event_hub)
        log = CapturingLogger()
        monkeypatch.setattr(metrics, "_log", log)
        await state.refresh()
    (warning,) = log.calls
    assert (warning.method_name, warning.args) == ("warning", ("worker_versions_differ",))
    assert warning.kwargs["workers"] == ["9.0.0 (engine 3+chain.1)", "unknown (engine unknown)"]


@pytest.mark.slow
async def test_a_worker_counts_its_jobs_and_answers_probes(
    user: Person, settings: Settings, engine: AsyncEngine
) -> None:
    port = free_port()
    with_port = dataclasses.replace(settings, worker=dataclasses.replace(settings.worker, metrics_port=port))
    job = await submit(user.client)
    with working(with_port):
        assert "event: done" in (await user.client.get(job["links"]["events"], params={"after": 0})).text
        done = (await user.client.get(job["links"]["self"])).json()
        async with engine.connect() as database:
            registered = (await database.scalars(text("SELECT metadata FROM saq.saq_stats"))).all()
        assert own_version()._asdict() in registered
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as worker:
            answer = await worker.get("/metrics")
            assert _value(answer, 'shootout_jobs_finished_total{status="completed"}') == 1
            assert _value(answer, "shootout_audio_rendered_seconds_total") == done["summary"]["audio_s"]
            assert _value(answer, 'shootout_segments_total{source="rendered"}') == done["summary"]["segments"]
            assert _value(answer, 'shootout_job_phase_seconds_count{phase="render"}') == 1
            for path, status in (("/health/live", 200), ("/health/ready", 200), ("/other", 404)):
                assert (await worker.get(path)).status_code == status
