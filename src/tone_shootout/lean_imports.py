"""Imports without the optional packages of libraries, which would stay in memory unused."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def hidden(*packages: str) -> Generator[None, None, None]:
    """Let libraries that are imported meanwhile believe that optional packages are not installed.

    Packages that are loaded already stay visible, and all of them are visible again afterwards.
    """
    blocked = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]  # None blocks the import of a module
    try:
        yield
    finally:
        for name in blocked:
            del sys.modules[name]


def import_libraries() -> None:
    """Import the libraries of a web process.

    Wherever they are installed, Advanced Alchemy imports NumPy to compare arrays, Mako imports Pygments for pages with
    tracebacks, and the clients of JWT and Redis import cryptography for signatures that they do not verify here. Those
    take 30 MB. The client of Redis and the plugin of SAQ import OpenTelemetry for metrics and spans that they do not
    export.
    """
    with hidden("cryptography", "numpy", "opentelemetry", "pygments"):
        for name in (
            "advanced_alchemy.extensions.litestar",
            "advanced_alchemy.repository",
            "jwt",
            "redis.asyncio",
            "litestar_saq",
        ):
            import_module(name)
