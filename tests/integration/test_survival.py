"""What was acknowledged survives the death of every process at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.jobs.conftest import follow, submit

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

COMMAND = [sys.executable, "-m", "tone_shootout"]


@contextmanager
def _serving(data: Path) -> Generator[tuple[str, psutil.Process], None, None]:
    """Run `shootout serve` on a data folder; its address and process."""
    environ = {**os.environ, "SHOOTOUT_WORKER_HEARTBEAT_S": "3", "SHOOTOUT_WORKER_SWEEP_S": "1"}
    command = [*COMMAND, "serve", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line for line in process.stdout if "ready at" in line).split()[-1], psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def _token(data: Path) -> str:
    made = subprocess.run(
        [*COMMAND, "user", "token", "ada", "--data", str(data)], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


async def test_a_job_outlives_the_death_of_everything(data: Path) -> None:
    with _serving(data) as (url, process):
        headers = {"Authorization": f"Bearer {_token(data)}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            job = await submit(client)
            async for event in follow(url, headers, job["id"], "?after=0"):
                if event["type"] == "phase" and event["data"]["phase"] == "render":
                    break
        family = [process, *process.children(recursive=True)]
        assert len(family) > 6
        for member in family:
            with suppress(psutil.NoSuchProcess):  # some go with their parent
                member.kill()
        psutil.wait_procs(family, timeout=30)
    with _serving(data) as (url, _):
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            log = [event async for event in follow(url, headers, job["id"], "?after=0")]
            assert log[-1]["data"]["status"] == "completed"
            assert log[-1]["data"]["attempt"] == 2
            assert [event["seq"] for event in log] == list(range(len(log)))
            items = (await client.get(job["links"]["artifacts"])).json()["items"]
            assert {"manifest.json"} <= {item["path"] for item in items}
            for item in items:
                assert len((await client.get(item["links"]["content"])).content) == item["size_bytes"]
