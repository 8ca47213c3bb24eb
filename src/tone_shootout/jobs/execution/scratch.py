"""The folder in which the workers of one machine render, with one folder for each attempt."""

import asyncio
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.periodic import running_periodically

INTERVAL_S: Final = 600.0
"""Seconds between two cleanings of the scratch folder."""

_log = structlog.get_logger(__name__)


class Scratch:
    """The folder in which the workers of this machine render: one subfolder for each attempt.

    Args:
        folder: created if it does not exist.
        sessions: opens sessions of the database.
    """

    def __init__(self, folder: Path, sessions: SessionMaker) -> None:
        self._folder = folder
        self._sessions = sessions
        folder.mkdir(parents=True, exist_ok=True)

    async def clean(self) -> int:
        """Delete the folders of jobs that no worker holds, left by workers that died; return their number."""
        found = {path: job_id for path in self._folder.iterdir() if (job_id := _parse_job_id(path))}
        async with self._sessions() as session:
            held = await JobRepository(session).find_held(found.values())
        abandoned = [path for path, job_id in found.items() if job_id not in held]
        for path in abandoned:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        return len(abandoned)

    def cleaning(self) -> AbstractAsyncContextManager[None]:
        """Clean the folder at once and every `INTERVAL_S` seconds, as long as the context lasts."""
        return running_periodically(self.clean, interval_s=INTERVAL_S, on_error=_report_failed_cleaning)


def _report_failed_cleaning(error: Exception, _failures: int) -> None:
    _log.warning("scratch_not_cleaned", exc_info=error)


def _parse_job_id(path: Path) -> UUID | None:
    """Return the id of the job that a folder belongs to: its name is the id and a random part."""
    try:
        return UUID(path.name[:36])
    except ValueError:
        return None
