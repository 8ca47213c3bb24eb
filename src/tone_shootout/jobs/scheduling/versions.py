"""Versions of the workers: registered at the queue, and compared with the version of this process."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final, NamedTuple

from tone_shootout.rendering.plan.keys import ENGINE

UNKNOWN: Final = "unknown"
"""Version of a worker that registers none: it is older than these fields."""


class WorkerVersion(NamedTuple):
    """The version of a process.

    Attributes:
        app: version of Tone Shootout.
        engine: versions of tone engine and chain, which shape the samples.
    """

    app: str
    engine: str

    def __str__(self) -> str:
        return f"{self.app} (engine {self.engine})"


@cache
def own_version() -> WorkerVersion:
    """Return the version of this process."""
    return WorkerVersion(version("tone-shootout"), ENGINE)


def worker_versions(workers: Mapping[str, Mapping[str, Any]]) -> Counter[WorkerVersion]:
    """Return how many workers have each version.

    Args:
        workers: `workers` of the queue's info.
    """
    found: Counter[WorkerVersion] = Counter()
    for worker in workers.values():
        metadata = worker.get("metadata") or {}
        found[WorkerVersion(str(metadata.get("app", UNKNOWN)), str(metadata.get("engine", UNKNOWN)))] += 1
    return found


def differing(found: Mapping[WorkerVersion, int]) -> list[WorkerVersion]:
    """Return the versions that are not the one of this process, sorted."""
    return sorted(each for each in found if each != own_version())
