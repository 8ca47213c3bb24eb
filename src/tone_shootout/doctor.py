"""Checks of an installation, each with a line that tells what to do: `shootout doctor`."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tone_shootout.composition import Services
from tone_shootout.jobs.scheduling.queue import check_queue
from tone_shootout.jobs.scheduling.versions import differing, own_version, worker_versions
from tone_shootout.kit.readiness import OutdatedError, check_migrations, reason_of
from tone_shootout.migrations import has_revision, head_revision
from tone_shootout.rendering import fonts

TIMEOUT_S: Final = 10.0
"""Longest time of one check."""
CLOCK_S: Final = 2.0
"""Largest difference between the clocks of this machine and of the database without a warning, seconds. Tokens, leases
and schedules compare times of both."""
POSTGRESQL: Final = 14
"""Oldest supported major version."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

Status = Literal["ok", "warning", "failed"]


class Finding(Struct, frozen=True, kw_only=True):
    """The result of a check.

    Attributes:
        name: what was checked.
        status: `ok`; `warning`: it works, but not as well as it could; `failed`: the service does not work.
        detail: what was found.
        advice: what to do; empty if nothing.
    """

    name: str
    status: Status
    detail: str
    advice: str = ""


class ShortcomingError(Exception):
    """It works, but not as well as it could.

    Args:
        detail: what was found.
        advice: what to do.
    """

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


class Check(Struct, frozen=True):
    """A check.

    Attributes:
        name: what it checks.
        advice: what to do if it fails.
        run: returns what was found.
        needs: name of the check without which this one says nothing; empty: none.
    """

    name: str
    advice: str
    run: Callable[[Services], Awaitable[str]]
    needs: str = ""


async def examine(services: Services, *, migrates: bool = False) -> AsyncGenerator[Finding, None]:
    """Yield a finding for each check, in order. A check that fails stops only those that need it.

    Args:
        services: of this process.
        migrates: whether the service migrates its database when it starts, as with the embedded server: an old schema
            is no failure then.
    """
    failed, later = set(), set()
    for check in CHECKS:
        if check.needs in failed or check.name in later:
            continue
        finding = await _finding(check, services)
        if finding.status == "failed":
            failed.add(check.name)
            if migrates and check.name == "schema":
                detail = f"{finding.detail.partition(';')[0]}; `shootout serve` migrates it when it starts"
                finding = Finding(name=check.name, status="ok", detail=detail)
                later.add("queue")  # its tables come with the schema
        yield finding


async def _finding(check: Check, services: Services) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            detail = await check.run(services)
    except ShortcomingError as error:
        return Finding(name=check.name, status="warning", detail=str(error), advice=error.advice)
    except TimeoutError:
        detail = f"no response within {TIMEOUT_S:g} s"
    except OutdatedError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - whatever fails is a finding
        detail = reason_of(error)
    else:
        return Finding(name=check.name, status="ok", detail=detail)
    return Finding(name=check.name, status="failed", detail=detail, advice=check.advice)


async def _python(_services: Services) -> str:
    return f"{sys.version.split()[0]} on {sys.platform}"


async def _engine(_services: Services) -> str:
    from tone_shootout.audio.nam.kernels.target import host_target

    target = await asyncio.to_thread(host_target)
    if target is None:
        raise ShortcomingError("captures run in NumPy", "Rendering works, two to five times slower than compiled.")
    return f"captures are compiled for {target.name}"


async def _data(services: Services) -> str:
    folder = services.settings.data
    await asyncio.to_thread(_try_folder, folder)
    return str(folder)


def _try_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".doctor-{os.getpid()}"
    probe.write_bytes(b"x")
    probe.unlink()


async def _disk(services: Services) -> str:
    found = []
    for folder in dict.fromkeys(f for f in (services.settings.data, services.storage.folder) if f is not None):
        existing = next(each for each in (folder, *folder.parents) if each.exists())
        free = (await asyncio.to_thread(shutil.disk_usage, existing)).free
        if free < services.settings.storage.free_bytes:
            raise OSError(f"{folder} has {free / 1e9:.1f} GB left, less than SHOOTOUT_STORAGE_FREE_BYTES")
        found.append(f"{free / 1e9:.0f} GB free at {folder}")
    return ", ".join(found)


_SERVER: Final = text(
    "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
    " current_setting('max_connections')::int,"
    " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
)


async def _database(services: Services) -> str:
    url = make_url(services.settings.database.url)
    async with services.engine.connect() as connection:
        start = time.perf_counter()
        await connection.execute(text("SELECT 1"))
        trip_ms = 1000 * (time.perf_counter() - start)
        row = (await connection.execute(_SERVER)).one()
    version, number, most, has_tls = row
    where = url.host or url.query.get("host", "a socket")
    found = f"PostgreSQL {version.split()[0]} at {where}, {'with' if has_tls else 'without'} TLS, {trip_ms:.1f} ms"
    if number // 10_000 < POSTGRESQL:
        raise RuntimeError(f"{found}: expected {POSTGRESQL} or later")
    wanted = services.settings.database.pool_size + services.settings.database.pool_overflow
    if wanted * 2 > most:
        raise ShortcomingError(
            f"{found}; max_connections is {most}, and each process opens up to {wanted}",
            "Raise max_connections, lower SHOOTOUT_DATABASE_POOL_SIZE, or use a pooler.",
        )
    if not has_tls and isinstance(where, str) and where not in LOOPBACK and not where.startswith("/"):
        raise ShortcomingError(
            found, "Passwords and data are readable on the network: add sslmode=verify-full to the URL."
        )
    return found


async def _clock(services: Services) -> str:
    async with services.engine.connect() as connection:
        before = datetime.now(UTC)
        there = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        here = before + (datetime.now(UTC) - before) / 2
    difference = (there - here).total_seconds()
    found = f"the database is {abs(difference):.2f} s {'ahead' if difference > 0 else 'behind'}"
    if abs(difference) > CLOCK_S:
        raise ShortcomingError(found, "Synchronize the clocks of all machines (NTP).")
    return found


async def _schema(services: Services) -> str:
    found = await check_migrations(services.engine, head_revision(), has_revision)
    if found != head_revision():
        raise ShortcomingError(
            f"revision {found}, newer than {head_revision()} of this version",
            "It works during an upgrade: install the new version here too.",
        )
    return f"revision {found}"


async def _queue(services: Services) -> str:
    await check_queue(services.queue)
    return f"“{services.settings.queue.name}” in {urlsplit(services.settings.queue_url).scheme}"


async def _workers(services: Services) -> str:
    await services.queue.connect()
    found = worker_versions((await services.queue.info())["workers"])
    if not found:
        return "none has reported lately"
    detail = ", ".join(f"{number} of {each}" for each, number in sorted(found.items()))
    if differing(found):
        raise ShortcomingError(
            f"{detail}; this is {own_version()}",
            "Install one version everywhere: results of another engine differ, and are not verified as exact here.",
        )
    return detail


async def _broker(services: Services) -> str:
    redis = services.redis
    key, value = f"doctor:{socket.gethostname()}:{os.getpid()}", os.urandom(8).hex()
    await redis.set(key, value, ex=30)
    try:
        read = await redis.get(key)
    finally:
        await redis.delete(key)
    if (read.decode() if isinstance(read, bytes) else read) != value:
        raise RuntimeError("a key that was written has another value")
    info = cast("dict[str, Any]", await redis.info())
    name = info.get("server_name", "redis")
    found = f"{name} {info.get('valkey_version') or info.get('redis_version')}, written and read"
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        raise ShortcomingError(
            f"{found}; maxmemory-policy is {policy}", "Set it to noeviction: sessions and rate limits must not vanish."
        )
    return found


async def _storage(services: Services) -> str:
    folder = services.storage.folder
    if folder is not None:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    await services.storage.probe(f"doctor-{socket.gethostname()}-{os.getpid()}")
    url = urlsplit(services.settings.storage_url)
    return f"{url.scheme}://{url.hostname or ''}{url.path}: written, read and deleted"


async def _address(services: Services) -> str:
    settings = services.settings
    found = settings.public_url
    is_remote = urlsplit(found).hostname not in LOOPBACK
    if is_remote and not found.startswith("https://"):
        raise ShortcomingError(
            found, "Sign-in is readable on the network: put a proxy with TLS before it (docs/operating.md)."
        )
    if settings.server.host not in LOOPBACK and not settings.server.public_url:
        raise ShortcomingError(
            f"{found}, listening on {settings.server.host}",
            "Set SHOOTOUT_SERVER_PUBLIC_URL to the address that browsers use.",
        )
    return found


async def _tone3000(services: Services) -> str:
    settings = services.settings.tone3000
    if not settings.client_id:
        return "not configured (SHOOTOUT_TONE3000_CLIENT_ID)"
    url = urlsplit(settings.base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        _, writer = await asyncio.open_connection(url.hostname, port, ssl=url.scheme == "https" or None)
    except OSError as error:
        raise ShortcomingError(
            f"{settings.base_url}: {reason_of(error)}", "Sign-in and imports do not work until it responds."
        ) from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return f"{settings.base_url} responds"


async def _fonts(_services: Services) -> str:
    path = Path(fonts.base().path)
    if not await asyncio.to_thread(path.is_file):
        raise FileNotFoundError(2, "the font of cards and plots is missing", str(path))
    return "DejaVu Sans"


async def _browser(_services: Services) -> str:
    for name in BROWSERS:
        if (path := shutil.which(name)) is not None:
            return path
    return "none found; only the tests of the pages need one (apt install chromium)"


async def _files(_services: Services) -> str:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 1024:
        raise ShortcomingError(f"{soft} at most", "Raise it (ulimit -n 65536): each open stream takes one.")
    return "unlimited" if soft == resource.RLIM_INFINITY else f"{soft} at most"


CHECKS: Final[Sequence[Check]] = (
    Check("python", "Install Python 3.11 or later.", _python),
    Check("engine", "Reinstall the package: its compiler for captures does not load.", _engine),
    Check("data folder", "Set SHOOTOUT_DATA to a folder that this user may write.", _data),
    Check("disk", "Free some space, or lower SHOOTOUT_STORAGE_FREE_BYTES.", _disk),
    Check("open files", "Raise the limit of open files.", _files),
    Check("database", "Check SHOOTOUT_DATABASE_URL: host, port, user, password, sslmode.", _database),
    Check("clock", "", _clock, "database"),
    Check("schema", "Run: shootout db upgrade", _schema, "database"),
    Check("queue", "Check SHOOTOUT_QUEUE_URL, or run: shootout db upgrade", _queue),
    Check("workers", "", _workers, "queue"),
    Check("broker", "Check SHOOTOUT_REDIS_URL: host, port, user, password, TLS.", _broker),
    Check("storage", "Check SHOOTOUT_STORAGE_URL and _OPTIONS: bucket, credentials, permissions.", _storage),
    Check("address", "Set SHOOTOUT_SERVER_PUBLIC_URL.", _address),
    Check("TONE3000", "Check SHOOTOUT_TONE3000_BASE_URL.", _tone3000),
    Check("fonts", "Reinstall the package.", _fonts),
    Check("browser", "", _browser),
)
"""The checks, those first on which others depend."""
