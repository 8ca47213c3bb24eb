"""Whether the parts that a process needs answer, and a log line whenever that changes."""

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
"""Longest that a part may take to answer."""

CheckResult = Literal["ok", "unavailable", "outdated", "low"]
Check = Callable[[], Awaitable[None]]

_log = structlog.get_logger(__name__)


class OutdatedError(Exception):
    """The database's schema is not the one that this code was written for."""


class LowDiskError(OSError):
    """A disk has less room left than the operator wants."""


class Readiness:
    """Checks of a process, by the part's name.

    Args:
        checks: what to call for each part; whatever it raises is the reason why the part can't be used.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._last: dict[str, CheckResult] = {}

    def add(self, part: str, check: Check) -> None:
        """Check one part more."""
        self._checks[part] = check

    async def look(self, parts: Iterable[str] | None = None) -> dict[str, CheckResult]:
        """Check parts, all at once, and log each that is not as it was at the last look.

        Args:
            parts: their names; None: all.
        """
        names = list(self._checks if parts is None else parts)
        found = await asyncio.gather(*(self._judge(self._checks[name]) for name in names))
        for name, (result, reason) in zip(names, found, strict=True):
            self.note(name, result, reason)
        return {name: result for name, (result, _) in zip(names, found, strict=True)}

    def note(self, part: str, result: CheckResult, reason: str = "") -> None:
        """Take down how a part is, and log it if that is new. Being well from the start is no news."""
        if self._last.get(part, "ok") == result:
            return
        self._last[part] = result
        if result == "ok":
            _log.info("dependency_recovered", part=part)
        else:
            _log.warning("dependency_failed", part=part, status=result, reason=reason)

    async def _judge(self, check: Check) -> tuple[CheckResult, str]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await check()
        except OutdatedError as error:
            return "outdated", str(error)
        except LowDiskError as error:
            return "low", str(error)
        except TimeoutError:
            return "unavailable", f"no answer within {TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, the part can't be used
            return "unavailable", reason_of(error)
        return "ok", ""


def reason_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    # The store's client appends its own inner state.
    text = " ".join(str(error).partition("Debug source:")[0].split())[:400]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


async def check_database(engine: AsyncEngine) -> None:
    """Ask the database for something."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def check_broker(redis: Redis) -> None:
    """Ask the broker for something."""
    await cast("Awaitable[Any]", redis.ping())


async def check_migrations(engine: AsyncEngine, expected: str | None) -> None:
    """Compare the database's schema with the code.

    Raises:
        OutdatedError: they differ.
    """

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection, opts={"version_table": "schema_version"}).get_current_revision()

    async with engine.connect() as connection:
        found = await connection.run_sync(current)
    if found != expected:
        raise OutdatedError(f"the schema is at {found or 'nothing'}, expected {expected}; run `shootout db upgrade`")


async def check_disks(folders: Iterable[Path], free_bytes: int) -> None:
    """Look how much room is left where files are written.

    Args:
        folders: on the disks in question; those that don't exist are not looked at.
        free_bytes: what must be left on each.

    Raises:
        LowDiskError: there is less.
    """
    for folder in folders:
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        except FileNotFoundError:
            continue
        if free < free_bytes:
            raise LowDiskError(f"{folder} has {free} bytes left, expected {free_bytes}; make room")
