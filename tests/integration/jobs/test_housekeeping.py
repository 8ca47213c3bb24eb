"""Maintenance deletes what has expired or is orphaned, once, and leaves everything else."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from saq import Job as SaqJob
from sqlalchemy import func, select, text

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, submit
from tests.support.factories import (
    ApiTokenFactory,
    IdempotencyRecordFactory,
    JobArtifactFactory,
    JobEventFactory,
    JobFactory,
    LibraryItemFactory,
    RenderCacheEntryFactory,
    ShootoutFactory,
    UserSessionFactory,
    WebhookDeliveryFactory,
    WebhookFactory,
)
from tests.support.live import environ_of, working
from tests.support.sessions import Sessions
from tone_shootout.accounts.models import ApiToken, IdempotencyRecord, UserSession
from tone_shootout.cli import main
from tone_shootout.composition import MAINTENANCE, SCHEDULES, Services, run_maintenance
from tone_shootout.jobs.execution.scratch import Scratch
from tone_shootout.jobs.models import Job, JobEvent
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.scheduling import gated_queue
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks.models import WebhookDelivery
from tone_shootout.kit.db import locks
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage
from tone_shootout.kit.tasks import Context, task_context

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=100)
YESTERDAY = NOW - timedelta(days=1, hours=1)
TOMORROW = NOW + timedelta(days=1)
CONTENT = "c" * 64


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage.from_settings(settings)


@pytest.fixture
async def services(settings: Settings) -> AsyncGenerator[Services, None]:
    async with Services(settings) as made:
        yield made


async def _run(services: Services, step: str) -> int:
    """Run the scheduled tasks of a step as the worker does; return what they deleted."""
    context = task_context(*services.maintenance)
    return sum([await task(context) for task in MAINTENANCE[step]])


async def _add(sessions: Sessions, *rows: Any) -> None:
    async with sessions() as session:
        for row in rows:
            session.add(row)
            await session.flush()
        await session.commit()


async def _ids(sessions: Sessions, column: Any) -> set[Any]:
    async with sessions() as session:
        return set(await session.scalars(select(column)))


async def _twice_at_once(services: Services, step: str, expected: int) -> None:
    """Run a step as two workers do at the same time, and again: everything is deleted, and only once."""
    first, second = await asyncio.gather(_run(services, step), _run(services, step))
    assert expected <= first + second
    assert await _run(services, step) == 0


async def _job(sessions: Sessions, owner_id: UUID, **values: Any) -> Job:
    shootout = ShootoutFactory.build(owner_id=owner_id)
    job = JobFactory.build(owner_id=owner_id, shootout_id=shootout.id, **values)
    await _add(sessions, shootout, job)
    return job


async def test_sessions_that_ended_go_and_others_stay(
    user: Person, session_maker: Sessions, services: Services
) -> None:
    good = UserSessionFactory.build(user_id=user.id)
    expired = UserSessionFactory.build(user_id=user.id, expires_at=NOW - timedelta(seconds=1))
    ended = UserSessionFactory.build(user_id=user.id, revoked_at=NOW)
    await _add(session_maker, good, expired, ended)
    await _twice_at_once(services, "sessions", 2)
    assert await _ids(session_maker, UserSession.id) == {good.id}


async def test_tokens_go_a_month_after_they_ended(user: Person, session_maker: Sessions, services: Services) -> None:
    own = await _ids(session_maker, ApiToken.id)
    stay = [
        ApiTokenFactory.build(user_id=user.id, created_at=LONG_AGO),
        ApiTokenFactory.build(user_id=user.id, expires_at=TOMORROW),
        ApiTokenFactory.build(user_id=user.id, expires_at=YESTERDAY),
        ApiTokenFactory.build(user_id=user.id, revoked_at=YESTERDAY),
    ]
    go = [
        ApiTokenFactory.build(user_id=user.id, expires_at=LONG_AGO),
        ApiTokenFactory.build(user_id=user.id, revoked_at=LONG_AGO),
    ]
    await _add(session_maker, *stay, *go)
    await _twice_at_once(services, "tokens", len(go))
    assert await _ids(session_maker, ApiToken.id) == own | {token.id for token in stay}
    assert (await user.client.get("/api/v1/me")).status_code == 200


async def test_answers_go_when_nobody_can_ask_for_them_again(
    user: Person, session_maker: Sessions, services: Services
) -> None:
    good = IdempotencyRecordFactory.build(owner_id=user.id, key="good", expires_at=TOMORROW)
    expired = IdempotencyRecordFactory.build(owner_id=user.id, key="expired", expires_at=NOW)
    await _add(session_maker, good, expired)
    await _twice_at_once(services, "answers", 1)
    assert await _ids(session_maker, IdempotencyRecord.key) == {"good"}


async def test_of_a_job_that_finished_long_ago_the_statuses_stay_and_can_be_followed(
    base_url: str, user: Person, session_maker: Sessions, services: Services
) -> None:
    old, recent = await submit(user.client), await submit(user.client)
    for made, finished_at in ((old, LONG_AGO), (recent, YESTERDAY)):
        job_id = UUID(made["id"])
        async with session_maker() as session:
            jobs = JobRepository(session)
            await jobs.transition(job_id, JobStatus.QUEUED)
            await jobs.transition(job_id, JobStatus.RUNNING, attempt=1, heartbeat_at=func.now())
            for number in range(3):
                await jobs.record(job_id, 1, "progress", {"percent": float(number)})
            await jobs.record(job_id, 1, "segment", {"position": 1})
            await jobs.transition(job_id, JobStatus.COMPLETED)
            job = await jobs.find(job_id)
            assert job is not None
            job.finished_at = finished_at
            await session.commit()
    await _twice_at_once(services, "events", 4)
    followed = [event async for event in events(base_url, user, old["id"], "?after=0")]
    kinds = [event["data"].get("status", event["type"]) for event in followed[1:]]
    assert kinds == ["pending", "queued", "running", "completed", "completed"]
    assert followed[-1]["type"] == "done"
    late = [event async for event in events(base_url, user, old["id"], "?after=5")]
    assert [event["type"] for event in late] == ["snapshot", "status", "done"]
    whole = [event async for event in events(base_url, user, recent["id"], "?after=0")]
    assert [event["seq"] for event in whole[1:]] == list(range(1, len(whole)))


async def test_a_job_that_is_not_finished_keeps_its_whole_log(
    user: Person, session_maker: Sessions, services: Services
) -> None:
    job = await _job(
        session_maker, user.id, status="running", created_at=LONG_AGO, heartbeat_at=TOMORROW, finished_at=None
    )
    await _add(session_maker, JobEventFactory.build(job_id=job.id, type="progress", at=LONG_AGO))
    assert await _run(services, "events") == 0
    assert await _ids(session_maker, JobEvent.seq) == {1}


async def test_deliveries_go_a_month_after_they_were_last_touched(
    user: Person, session_maker: Sessions, services: Services
) -> None:
    webhook = WebhookFactory.build(owner_id=user.id)
    old = WebhookDeliveryFactory.build(webhook_id=webhook.id, updated_at=LONG_AGO)
    recent = WebhookDeliveryFactory.build(webhook_id=webhook.id, created_at=LONG_AGO, updated_at=YESTERDAY)
    await _add(session_maker, webhook, old, recent)
    await _twice_at_once(services, "deliveries", 1)
    assert await _ids(session_maker, WebhookDelivery.id) == {recent.id}


class Objects:
    """The store of the tests, in which time passes as we like."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._root = Path(settings.storage_url.removeprefix("file://"))
        self._storage = storage

    async def put(self, key: str, *, age: timedelta = timedelta(days=3)) -> str:
        await self._storage.put(key, b"content")
        written = time.time() - age.total_seconds()
        os.utime(self._root / key, (written, written))
        return key

    async def left(self, *keys: str) -> set[str]:
        return {key for key in keys if await self._storage.exists(key)}


@pytest.fixture
async def objects(settings: Settings, storage: Storage) -> AsyncGenerator[Objects, None]:
    await storage.delete_prefix("users")
    yield Objects(settings, storage)
    await storage.delete_prefix("users")


async def test_objects_that_nothing_names_go_and_all_others_stay(
    user: Person, session_maker: Sessions, services: Services, objects: Objects
) -> None:
    home = f"users/{user.id}"
    done = await _job(session_maker, user.id, status="completed", attempt=2, finished_at=NOW)
    runs = await _job(session_maker, user.id, status="running", attempt=1, heartbeat_at=TOMORROW)
    stay = [
        await objects.put(f"{home}/blobs/{CONTENT}"),
        await objects.put(f"{home}/jobs/{done.id}/2/manifest.json"),
        await objects.put(f"{home}/jobs/{runs.id}/1/partial/01-riff.flac"),
        await objects.put(f"{home}/cache/{'1' * 64}"),
        await objects.put(f"{home}/blobs/{'d' * 64}", age=timedelta(hours=20)),  # an upload may be in flight
        await objects.put("users/readme.txt"),  # not ours to judge
        await objects.put("elsewhere/thing"),
    ]
    go = [
        await objects.put(f"{home}/blobs/{'e' * 64}"),
        await objects.put(f"{home}/jobs/{done.id}/1/manifest.json"),
        await objects.put(f"{home}/jobs/{uuid4()}/1/manifest.json"),
        await objects.put(f"{home}/cache/{'2' * 64}"),
        await objects.put(f"users/{uuid4()}/blobs/{CONTENT}"),
        await objects.put(f"users/{uuid4()}/cache/{'1' * 64}"),
    ]
    await _add(
        session_maker,
        LibraryItemFactory.build(owner_id=user.id, sha256=CONTENT),
        JobArtifactFactory.build(job_id=done.id, storage_key=stay[1]),
        RenderCacheEntryFactory.build(owner_id=user.id, key="1" * 64),
    )
    await _twice_at_once(services, "objects", len(go))
    assert await objects.left(*stay, *go) == set(stay)


async def test_content_that_is_being_sent_again_stays(
    user: Person, session_maker: Sessions, services: Services, objects: Objects
) -> None:
    """An orphan that is just becoming somebody's content: whoever stores it holds the lock that deleting it takes."""
    key = await objects.put(f"users/{user.id}/blobs/{CONTENT}")
    async with session_maker() as sending:
        await locks.acquire(sending, locks.owned(user.id, "content", CONTENT))
        keeping = asyncio.create_task(_run(services, "objects"))
        await asyncio.wait({keeping}, timeout=0.3)
        assert not keeping.done()
        sending.add(LibraryItemFactory.build(owner_id=user.id, sha256=CONTENT))
        await sending.commit()
    await keeping
    assert await objects.left(key) == {key}


async def test_scratch_of_jobs_that_no_worker_holds_goes(user: Person, session_maker: Sessions, tmp_path: Path) -> None:
    runs = await _job(session_maker, user.id, status="running", attempt=1, heartbeat_at=TOMORROW)
    done = await _job(session_maker, user.id, status="failed", attempt=1, finished_at=NOW)
    folder = tmp_path / "scratch"
    scratch = Scratch(folder, session_maker)
    for name in (f"{runs.id}-abc", f"{done.id}-abc", f"{uuid4()}-abc", "not-ours"):
        (folder / name / "out").mkdir(parents=True)
        (folder / name / "out" / "file.flac").write_bytes(b"sound")
    assert sum(await asyncio.gather(scratch.clean(), scratch.clean())) >= 2
    assert await scratch.clean() == 0
    assert {path.name for path in folder.iterdir()} == {f"{runs.id}-abc", "not-ours"}
    async with scratch.cleaning():
        pass


async def test_a_step_that_fails_does_not_prevent_the_others(
    user: Person, session_maker: Sessions, services: Services
) -> None:
    async def broken(_context: Context) -> int:
        raise OSError("the storage is unavailable")

    await _add(session_maker, UserSessionFactory.build(user_id=user.id, revoked_at=NOW))
    steps = {"objects": [broken], "sessions": MAINTENANCE["sessions"]}
    assert await run_maintenance(services, steps) == {"objects": None, "sessions": 1}


async def test_the_command_does_it_at_once(
    user: Person, session_maker: Sessions, settings: Settings, objects: Objects
) -> None:
    await _add(session_maker, UserSessionFactory.build(user_id=user.id, revoked_at=NOW))
    orphan = await objects.put(f"users/{user.id}/blobs/{CONTENT}")
    done = await asyncio.to_thread(CliRunner().invoke, main, ["housekeeping"], env=environ_of(settings))
    assert done.exit_code == 0, done.output
    reported = dict(line.split() for line in done.stdout.splitlines())
    assert (reported["sessions"], reported["objects"], reported["events"]) == ("1", "1", "0")
    assert await objects.left(orphan) == set()


@pytest.mark.slow
async def test_workers_schedule_each_task_once_within_the_next_hour(
    clean: None, session_maker: Sessions, settings: Settings
) -> None:
    expected = sorted(f"cron:{schedule.function.__qualname__}" for schedule in SCHEDULES)
    planned: list[tuple[str, int]] = []
    with working(settings), working(settings):
        async with asyncio.timeout(60):
            while len(planned) < len(expected):
                await asyncio.sleep(0.1)
                async with session_maker() as session:
                    rows = await session.execute(text("SELECT key, scheduled FROM saq.saq_jobs ORDER BY key"))
                    planned = [(row.key, row.scheduled) for row in rows]
    assert [key for key, _ in planned] == expected
    assert all(0 < scheduled - time.time() <= 3600 for _, scheduled in planned)


async def test_an_idle_worker_enqueues_the_next_run_of_a_task_once(
    clean: None, services: Services, session_maker: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = services.queue
    await queue.connect()
    enqueued: list[str] = []
    enqueue = queue._enqueue

    async def note(job: SaqJob) -> SaqJob | None:
        enqueued.append(job.key)
        return await enqueue(job)

    monkeypatch.setattr(queue, "_enqueue", note)
    hour = 3600 * (int(time.time()) // 3600 + 1)
    for _ in range(3):
        await queue.enqueue("thin_events", key="cron:thin_events", scheduled=hour)
    assert len(enqueued) == 1
    await queue.enqueue("thin_events", key="cron:thin_events", scheduled=hour + 3600)
    assert len(enqueued) == 2, "the next run is another one"
    async with session_maker.begin() as session:
        await session.execute(text("DELETE FROM saq.saq_jobs"))
    monkeypatch.setattr(gated_queue, "RECHECK_S", 0.0)
    await queue.enqueue("thin_events", key="cron:thin_events", scheduled=hour + 3600)
    assert await queue.job("cron:thin_events") is not None, "an entry that the queue has lost comes back"


def test_every_scheduled_task_belongs_to_a_step_of_the_command() -> None:
    scheduled = {schedule.function for schedule in SCHEDULES}
    assert {task for tasks in MAINTENANCE.values() for task in tasks} == scheduled
    for schedule in SCHEDULES:
        assert schedule.timeout
        assert schedule.heartbeat
        assert schedule.retries is not None
        assert schedule.retries > 1
