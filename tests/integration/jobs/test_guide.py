"""The examples of docs/jobs.md do what it says, and its table is the one that is performed."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.support.factories import JobFactory, ShootoutFactory, UserFactory
from tests.support.sessions import Sessions
from tests.support.shared import PROJECT
from tone_shootout.jobs.execution.attempt import Attempt
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.status import TRANSITIONS
from tone_shootout.kit.tasks import task_context
from tone_shootout.rendering.errors import Cancelled

GUIDE = (PROJECT / "docs" / "jobs.md").read_text()
PARTS = [b"one", b"two", b"three"]


def _examples() -> dict[str, Any]:
    """Everything that the guide's examples define."""
    found: dict[str, Any] = {}
    for source in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(compile(source, "docs/jobs.md", "exec"), found)
    return found


def test_the_table_is_the_one_that_is_performed() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", GUIDE, re.MULTILINE))
    assert rows == {(source, target) for source, following in TRANSITIONS.items() for target in following}


async def test_work_reports_its_progress_and_can_be_done_again(tmp_path: Path) -> None:
    write_all = _examples()["write_all"]
    for _ in range(2):
        attempt = Attempt(Job())
        await asyncio.to_thread(write_all, PARTS, tmp_path, attempt)
        assert [(kind, data) for kind, data, _ in attempt.take_events()] == [
            ("phase", {"phase": "level"}),
            ("progress", {"percent": 100.0, "done": 3, "total": 3, "eta_s": 0.0}),
        ]
        assert [(tmp_path / f"{number}.part").read_bytes() for number in (1, 2, 3)] == PARTS


async def test_work_stops_when_it_is_not_wanted_and_goes_on_from_there(tmp_path: Path) -> None:
    write_all = _examples()["write_all"]
    stopped = Attempt(Job())
    stopped.stop.set()
    with pytest.raises(Cancelled):
        await asyncio.to_thread(write_all, PARTS, tmp_path, stopped)
    (tmp_path / "1.part").write_bytes(b"kept")
    await asyncio.to_thread(write_all, PARTS, tmp_path, Attempt(Job()))
    assert [(tmp_path / f"{number}.part").read_bytes() for number in (1, 2, 3)] == [b"kept", b"two", b"three"]


async def test_a_task_can_run_twice_and_twice_at_once(session_maker: Sessions, clean: None) -> None:
    examples = _examples()
    task, context = examples["delete_old_failures"], task_context(examples["FailedJobs"](session_maker))
    async with session_maker() as session:
        user = UserFactory.build()
        session.add(user)
        await session.flush()
        shootout = ShootoutFactory.build(owner_id=user.id)
        session.add(shootout)
        await session.flush()
        kept, gone = [
            JobFactory.build(owner_id=user.id, shootout_id=shootout.id, status="failed", finished_at=None)
            for _ in range(2)
        ]
        session.add_all([kept, gone])
        await session.flush()
        old = func.now() - func.make_interval(2)
        await session.execute(update(Job).where(Job.id == gone.id).values(finished_at=old))
        await session.commit()
    for _ in range(2):
        await asyncio.gather(*(task(context) for _ in range(2)))
        async with session_maker() as session:
            assert list(await session.scalars(select(Job.id))) == [kept.id]
