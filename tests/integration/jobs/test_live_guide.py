"""The examples of docs/live-progress.md do what it says, and its tables are complete."""

import asyncio
import json
import os
import re
import sys
from typing import get_args

import pytest
from redis.asyncio import Redis

from tests.integration.conftest import Person
from tests.support.job_logs import written_job
from tests.support.sessions import Sessions
from tests.support.shared import PROJECT
from tone_shootout.accounts.guards import NOT_SIGNED_IN, ORIGIN_REFUSED
from tone_shootout.jobs.status import PHASES, EventType, JobStatus
from tone_shootout.jobs.streaming.job_stream import NO_SUCH_JOB
from tone_shootout.jobs.streaming.pubsub import Publisher
from tone_shootout.kit.http.websocket import INTERNAL_ERROR, TRY_AGAIN_LATER
from tone_shootout.kit.throttle import TOO_MANY

GUIDE = (PROJECT / "docs" / "live-progress.md").read_text()
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, re.DOTALL)
NAMES = ["sse with curl", "sse in Python", "WebSocket in Python", "WebSocket by ticket"]


def test_these_are_all_the_examples_there_are() -> None:
    assert [language for language, _ in EXAMPLES] == ["sh", "python", "python", "python"]


@pytest.mark.parametrize(("language", "source"), EXAMPLES, ids=NAMES)
async def test_an_example_follows_a_job_to_its_end(
    language: str, source: str, base_url: str, user: Person, session_maker: Sessions, redis: Redis
) -> None:
    job = await written_job(session_maker, Publisher(redis), user.id)
    command = ["bash", "-c", source] if language == "sh" else [sys.executable, "-u", "-c", source]
    environ = {**os.environ, "SHOOTOUT_URL": base_url, "SHOOTOUT_TOKEN": user.token, "JOB": str(job.id)}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    first = await process.stdout.readline()  # so it watches; the rest comes while it does
    await job.write(3)
    await job.move(JobStatus.CANCELLED)
    stated = (first + await process.stdout.read()).decode()
    assert await process.wait() == 0
    if language == "sh":
        received = [json.loads(line)["seq"] for line in re.findall(r"data: (.*)", stated)]
    else:
        received = [int(line.split()[0]) for line in stated.splitlines()]
        assert stated.splitlines()[-1].endswith("done")
    assert received in ([0, *range(1, job.last + 1)], [1, *range(2, job.last + 1)])


def test_the_guide_names_every_type_phase_and_code() -> None:
    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE) == list(get_args(EventType))
    assert ", ".join(PHASES) in GUIDE
    codes = {int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", GUIDE, re.MULTILINE) for code in cell.split(", ")}
    ours = {NOT_SIGNED_IN, ORIGIN_REFUSED, NO_SUCH_JOB, TOO_MANY, INTERNAL_ERROR, TRY_AGAIN_LATER}
    assert codes == ours | {1000, 1009, 1012, 4400}
