"""What tasks make of rendered sound: levelled files, figures, plots, cards, the video. Kept by what they are made of.

A task is the same when it does the same with the same content: names count where they are drawn, paths never do. The
versions of the libraries are a part of every key, because pictures and encoded sound change with them.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.reporter import Store
from tone_shootout.rendering.executor.tasks import (
    Align,
    Characterise,
    Compare,
    Draw,
    DrawPlot,
    Examine,
    Film,
    Gauging,
    Level,
    Listen,
    Measure,
    Render,
    Result,
    Soundtrack,
    Task,
)
from tone_shootout.rendering.media_info import CabIrInfo
from tone_shootout.rendering.output.manifest import versions
from tone_shootout.rendering.output.plots import WaveformPlot
from tone_shootout.rendering.plan.keys import ENGINE, block_document, key_of
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock

PRODUCTS_VERSION: Final = 2
"""Counts up when anything but a library's version changes what is measured, written, drawn or filmed."""

LARGEST_BYTES: Final = 64_000_000
"""A product that is larger is not kept: it would have to be in memory as a whole."""


Derived = Gauging | Level | Draw | Soundtrack | Film | DrawPlot
"""All tasks but those that render: their sound is kept by its own keys."""


class Made(Struct, frozen=True, array_like=True):
    """What a task left behind: its result, and the content of its files in the order of `_description`."""

    result: Result
    files: tuple[bytes, ...]


class ResultCache:
    """Hands out what was made before, and keeps what is made now."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._origins: dict[str, str] = {}
        self._made_with = {**versions(), "matplotlib": version("matplotlib")}

    def fetch(self, task: Task) -> Made | None:
        """Put the files of a task into their places and return what was made; None where it has to be done."""
        if self._store is None or (described := self._describe(task)) is None:
            return None
        key, files = described
        content = self._store.get(key)
        if content is None:
            return None
        try:
            made = msgspec.msgpack.decode(content, type=Made)
        except msgspec.DecodeError:
            return None
        if len(made.files) != len(files):
            return None
        for path, data in zip(files, made.files, strict=True):
            Path(path).write_bytes(data)
        return made

    def keep(self, task: Task, result: Result) -> None:
        """Keep what a task has made."""
        if self._store is None or (described := self._describe(task)) is None:
            return
        key, files = described
        if sum(Path(path).stat().st_size for path in files) <= LARGEST_BYTES:
            made = Made(result, tuple(Path(path).read_bytes() for path in files))
            self._store.put(key, msgspec.msgpack.encode(made))

    def _describe(self, task: Task) -> tuple[str, tuple[str, ...]] | None:
        """Return a task's key and the paths of its files; None for what is kept as sound, and what is passing."""
        if isinstance(task, Render) or (isinstance(task, Measure) and task.partial is not None):
            return None
        document, files = _description(task, self._origins)
        task_name = type(task).__name__
        key = key_of(
            {"task": task_name, "version": PRODUCTS_VERSION, "engine": ENGINE, "with": self._made_with, "of": document}
        )
        self._origins.update({path: f"{key}.{number}" for number, path in enumerate(files)})
        return key, files


def _description(task: Derived, origins: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
    """Return all that decides what a task makes, and the files that it makes.

    Args:
        task: the task.
        origins: what is in the files that other tasks have made, by path.
    """
    match task:
        case Measure() | Align() | Characterise() | Examine() | Compare() | Listen():
            return _figures(task, origins)
        case Level():
            return [_sound(task.raw), task.gain_db], (task.flac,)
        case Draw():
            return [msgspec.to_builtins(task.card), _sound(task.raw), task.gain_db], (task.still,)
        case Soundtrack():
            return [[origins[part.flac], part.frames] for part in task.parts], (task.sound,)
        case Film():
            scenes = [[origins[scene.still], scene.frames, scene.title] for scene in task.scenes]
            return [task.title, scenes, origins[task.sound]], (task.video,)
        case DrawPlot():
            plot = msgspec.to_builtins(task.plot)
            if isinstance(task.plot, WaveformPlot):
                plot["flac"] = origins[task.plot.flac]
            return plot, (f"{task.stem}.png", f"{task.stem}.svg")


def _figures(task: Gauging, origins: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
    match task:
        case Measure():
            return _sound(task.raw), ()
        case Align():
            return _blocks(task), (task.figures,)
        case Characterise():
            return [task.capture.facts.sha256, task.size], (task.figures,)
        case Examine():
            return origins[task.flac], (task.figures,)
        case Compare():
            voices = [{**msgspec.to_builtins(voice), "raw": _sound(voice.raw)} for voice in task.voices]
            return voices, (task.figures,)
        case Listen():
            return origins[task.video], (task.figures,)


def _sound(raw: str) -> str:
    """Return what is in a file of rendered sound: it is called by its key."""
    return Path(raw).stem


def _blocks(task: Align) -> list[dict[str, Any]]:
    """Describe a chain as it is probed: without any DI track."""
    described = []
    for stage in task.segment.stages:
        block = task.chain.blocks[stage.block]
        facts = task.sources[block.file].facts if isinstance(block, CaptureBlock | CabIrBlock) else None
        described.append(
            block_document(
                block,
                rate=stage.rate,
                sha256=facts.sha256 if facts else None,
                drive_db=stage.drive_db,
                padded=isinstance(facts, CabIrInfo) and facts.padded,
            )
        )
    return described
