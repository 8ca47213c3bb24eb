"""A worker whose log is watched, and a user of a service whose parts go away."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import events, make_shootout
from tests.support.forking import ForkedProcess
from tests.support.live import working
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, add, eventually, playing, wav
from tone_shootout.demo import bundled_capture
from tone_shootout.jobs.models import Job
from tone_shootout.kit.settings import Settings


class Watched:
    """A worker, and what it has logged."""

    def __init__(self, process: ForkedProcess, log: Path) -> None:
        self.process = process
        self._log = log

    def lines(self, text: str) -> list[str]:
        """The lines of its log that contain a text."""
        return [line for line in self._log.read_text(encoding="utf-8").splitlines() if text in line]

    async def says(self, text: str, times: int = 1) -> str:
        """Wait until so many lines of its log contain a text; the last of them."""
        await eventually(lambda: len(self.lines(text)) >= times or self.process.poll() is not None)
        return self.lines(text)[times - 1]


@contextmanager
def watched_worker(settings: Settings, folder: Path, name: str = "worker") -> Generator[Watched, None, None]:
    """Run a worker whose log is read."""
    log = folder / f"{name}.log"
    soon = replace(settings, worker=replace(settings.worker, backoff_max_s=0.5))
    with log.open("w") as file, working(soon, file) as process:
        yield Watched(process, log)


@asynccontextmanager
async def visiting(url: str, person: Person) -> AsyncGenerator[Person, None]:
    """The same person as a client of another service."""
    async with httpx.AsyncClient(base_url=url, timeout=60, headers=person.client.headers) as client:
        yield replace(person, client=client)


async def prepared(person: Person, *, seconds: float = 1.0, chains: int = 1, seed: int = 1, **changes: object) -> str:
    """A shootout of a neural capture; its id."""
    amp = await add(person.client, "capture", bundled_capture("clean.nam"))
    track = await add(person.client, "di_track", wav(playing(seconds, seed=seed)))
    made = [
        {
            "name": f"Gain {gain}",
            "blocks": [{"type": "capture", "asset": amp, "input_gain_db": float(gain), "gear": "amp_cab"}],
        }
        for gain in range(chains)
    ]
    return await make_shootout(person.client, di_tracks=[{"name": "Riff", "asset": track}], chains=made, **changes)


async def submitted(person: Person, shootout_id: str | None = None, **made: Any) -> dict[str, Any]:
    """A job of a shootout, or of one that is `prepared`."""
    shootout_id = shootout_id or await prepared(person, **made)
    answer = await person.client.post(f"{SHOOTOUTS}/{shootout_id}/jobs")
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def event_of(url: str, person: Person, job: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    """The first event of a job whose data have a value under a key."""
    async for event in events(url, person, job["id"], "?after=0"):
        if event["data"].get(key) == value:
            return event
    raise AssertionError(f"there was no {key} {value}")


async def completed_at_no_cost(
    url: str, person: Person, job: dict[str, Any], sessions: Sessions
) -> list[dict[str, Any]]:
    """Follow a job to its end, which is completion, and see that no attempt was counted; its log without a gap."""
    log = [event async for event in events(url, person, job["id"], "?after=0")]
    log = [event for event in log if event["type"] != "snapshot"]
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    assert log[-1]["data"]["status"] == "completed", log[-1]
    async with sessions() as session:
        row = await session.get(Job, UUID(job["id"]))
    assert row is not None
    assert (row.interruptions, row.waiting_for) == (0, None)
    return log


def waits(log: list[dict[str, Any]]) -> list[str]:
    """What a job has waited for, one after the other."""
    return [event["data"]["waiting_for"] for event in log if "waiting_for" in event["data"]]
