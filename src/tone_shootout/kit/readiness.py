"""Check the dependencies of a process, and log each change of their state."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast

import structlog
from alembic.runtime.migration import MigrationContext
from redis.asyncio import Redis
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

TIMEOUT_S: Final = 5.0
"""Timeout of one check."""

CheckResult = Literal["ok", "unavailable", "outdated", "low"]
Check = Callable[[], Awaitable[None]]

_log = structlog.get_logger(__name__)


class OutdatedError(Exception):
    """The schema of the database does not match the code."""


class LowDiskError(OSError):
    """A disk has less free space than configured."""


class Readiness:
    """Checks of a process, by the dependency's name.

    Args:
        checks: one function per dependency; an exception means that it is unavailable.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._last: dict[str, CheckResult] = {}
        self._shared: asyncio.Task[dict[str, CheckResult]] | None = None

    def add(self, part: str, check: Check) -> None:
        """Add a check."""
        self._checks[part] = check

    async def check(self, parts: Iterable[str] | None = None) -> dict[str, CheckResult]:
        """Run checks concurrently, and log each result that differs from the last one.

        Args:
            parts: names of the dependencies; None: all.
        """
        names = list(self._checks if parts is None else parts)
        found = await asyncio.gather(*(self._run(self._checks[name]) for name in names))
        for name, (result, reason) in zip(names, found, strict=True):
            self.note(name, result, reason)
        return {name: result for name, (result, _) in zip(names, found, strict=True)}

    async def check_shared(self) -> dict[str, CheckResult]:
        """Run all checks; concurrent calls share one run."""
        if self._shared is None or self._shared.done():
            self._shared = asyncio.create_task(self.check())
        return await asyncio.shield(self._shared)

    def note(self, part: str, result: CheckResult, reason: str = "") -> None:
        """Record a result, and log it if it has changed. An initial `ok` is not logged."""
        if self._last.get(part, "ok") == result:
            return
        self._last[part] = result
        if result == "ok":
            _log.info("dependency_recovered", part=part)
        else:
            _log.warning("dependency_failed", part=part, status=result, reason=reason)

    async def _run(self, check: Check) -> tuple[CheckResult, str]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await check()
        except OutdatedError as error:
            return "outdated", str(error)
        except LowDiskError as error:
            return "low", str(error)
        except TimeoutError:
            return "unavailable", f"no response within {TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - any error means unavailable
            return "unavailable", reason_of(error)
        return "ok", ""


def reason_of(error: BaseException) -> str:
    """Return an error's type and text in one line of up to 400 characters."""
    # obstore appends debug output.
    text = " ".join(str(error).partition("Debug source:")[0].split())[:400]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


async def check_database(engine: AsyncEngine) -> None:
    """Run a query on the database."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def check_broker(redis: Redis) -> None:
    """Ping the broker."""
    await cast("Awaitable[Any]", redis.ping())


async def check_migrations(engine: AsyncEngine, expected: str | None, is_known: Callable[[str], bool]) -> str:
    """Compare the schema of the database with the code.

    A newer schema is accepted: migrations only add what older code does not need, so that old and new processes run
    side by side during an upgrade (`migrations.EXPANDING_SINCE`).

    Args:
        engine: the database.
        expected: newest revision of the code.
        is_known: returns whether the code has a revision.

    Returns:
        The revision of the database.

    Raises:
        OutdatedError: the schema is older, or there is none.
    """

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection, opts={"version_table": "schema_version"}).get_current_revision()

    async with engine.connect() as connection:
        found = await connection.run_sync(current)
    if found is None or (found != expected and is_known(found)):
        raise OutdatedError(f"the schema is at {found or 'no revision'}, not {expected}; run `shootout db upgrade`")
    return found


async def check_disks(folders: Iterable[Path], free_bytes: int) -> None:
    """Check the free space of disks.

    Args:
        folders: folders on the disks; missing folders are skipped.
        free_bytes: space required on each disk.

    Raises:
        LowDiskError: a disk has less.
    """
    for folder in folders:
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        except FileNotFoundError:
            continue
        if free < free_bytes:
            raise LowDiskError(f"{folder} has {free} bytes left, expected {free_bytes}; free some space")
