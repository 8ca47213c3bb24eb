"""A disk that is full, on a real file system: a small one, mounted where the worker renders."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.integration.conftest import Person
from tests.support.live import environ_of
from tests.support.outages import completed_at_no_cost, event_of, submitted, waits
from tests.support.sessions import Sessions
from tone_shootout.kit.settings import Settings

_TOOLS = ("unshare", "nsenter", "mount")
_IS_ROOT = os.getuid() == 0
"""Root mounts as it is: within a user namespace it could not reach the servers, which then run as another user."""
_UNSHARE = ["unshare", "-m"] if _IS_ROOT else ["unshare", "-rm"]
_ENTER = ["-m"] if _IS_ROOT else ["-U", "-m", "--preserve-credentials"]


def _may_mount() -> bool:
    if sys.platform != "linux" or not all(map(shutil.which, _TOOLS)):
        return False
    probe = [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not _may_mount(), reason="needs user namespaces in which file systems can be mounted"),
]


@contextmanager
def _worker_on_a_small_disk(settings: Settings, size: str) -> Generator[psutil.Process, None, None]:
    """A worker in a namespace of its own, whose scratch folder is a file system of that size."""
    scratch = settings.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    script = f'mount -t tmpfs -o size={size} tmpfs "{scratch}" && exec "$@"'
    command = [*_UNSHARE, "sh", "-c", script, "sh", sys.executable, "-m", "tone_shootout", "worker"]
    environ = {**environ_of(settings), "SHOOTOUT_WORKER_BACKOFF_MAX_S": "0.5"}
    with subprocess.Popen(command, env=environ, start_new_session=True) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _resize(worker: psutil.Process, folder: Path, size: str) -> None:
    within = ["nsenter", "-t", str(worker.pid), *_ENTER]
    subprocess.run([*within, "mount", "-o", f"remount,size={size}", "tmpfs", str(folder)], check=True)


async def test_a_job_that_fills_the_disk_waits_for_room_and_goes_on_by_itself(
    base_url: str, user: Person, settings: Settings, session_maker: Sessions, tmp_path: Path
) -> None:
    own = replace(settings, storage=replace(settings.storage, url=settings.storage_url, free_bytes=0), data=tmp_path)
    job = await submitted(user, seconds=12.0, chains=2)
    with _worker_on_a_small_disk(own, "2m") as worker:
        await event_of(base_url, user, job, "waiting_for", "disk")
        await asyncio.to_thread(_resize, worker, tmp_path / "scratch", "256m")
        log = await completed_at_no_cost(base_url, user, job, session_maker)
    assert set(waits(log)) == {"disk"}
