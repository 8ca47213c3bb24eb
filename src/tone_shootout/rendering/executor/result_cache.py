"""Cache of all files derived from rendered samples: leveled files, metrics, plots, cards and the video.

The key of a task covers its type and the content of its inputs: names only if they are drawn, paths never. The versions
of the libraries are part of every key, because pictures and encoded sound change with them. Rendered samples are stored
under other keys, see `stages`.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.registry import REGISTRY
from tone_shootout.rendering.executor.reporter import Store
from tone_shootout.rendering.executor.tasks import MeasureLoudness, Result, Task
from tone_shootout.rendering.output.manifest import versions
from tone_shootout.rendering.plan.keys import ENGINE, key_of

CACHE_VERSION: Final = 6
"""Increase it when anything but the version of a library changes measurements or files."""

LARGEST_BYTES: Final = 64_000_000
"""Larger results are not cached, because an entry has to fit in memory."""


class CachedResult(Struct, frozen=True, array_like=True):
    """A task's result, and the content of its files in the order of `TaskKind.files`."""

    result: Result
    files: tuple[bytes, ...]


class ResultCache:
    """Restores the results of tasks from a store, and adds new ones. Without a store it is always empty."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._origins: dict[str, str] = {}
        self._versions = _versions()

    def fetch(self, task: Task) -> CachedResult | None:
        """Write the files of a task from the store and return its result, None if the task has to run."""
        if self._store is None or (identified := self._identify(task)) is None:
            return None
        key, files = identified
        content = self._store.get(key)
        if content is None:
            return None
        try:
            cached = msgspec.msgpack.decode(content, type=CachedResult)
        except msgspec.DecodeError:
            return None
        if len(cached.files) != len(files):
            return None
        for path, data in zip(files, cached.files, strict=True):
            Path(path).write_bytes(data)
        return cached

    def add(self, task: Task, result: Result) -> None:
        """Store the result and the files of a task."""
        if self._store is None or (identified := self._identify(task)) is None:
            return
        key, files = identified
        if sum(Path(path).stat().st_size for path in files) <= LARGEST_BYTES:
            cached = CachedResult(result, tuple(Path(path).read_bytes() for path in files))
            self._store.put(key, msgspec.msgpack.encode(cached))

    def _identify(self, task: Task) -> tuple[str, tuple[str, ...]] | None:
        """Return a task's key and the paths of its files; None for rendered samples and for previews."""
        kind = REGISTRY[type(task)]
        if kind.content is None or (isinstance(task, MeasureLoudness) and task.preview is not None):
            return None
        files = kind.files(task)
        content = kind.content(task, self._origins)
        key = key_of(
            {
                "task": type(task).__name__,
                "version": CACHE_VERSION,
                "engine": ENGINE,
                "with": self._versions,
                "of": content,
            }
        )
        self._origins.update({path: f"{key}.{number}" for number, path in enumerate(files)})
        return key, files


@cache
def _versions() -> dict[str, str]:
    """Return the versions of all libraries that the content of files depends on."""
    return {**versions(), "matplotlib": version("matplotlib"), "pillow": version("pillow")}
