"""One entry per task: its handler, its result, its cost, its output files and the inputs that determine their content.

The parent process reads costs and cache keys from here. Handlers are named, not imported: they load NumPy, FFmpeg and
matplotlib, which only child processes need.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from tone_shootout.rendering.executor.tasks import (
    CompareSegments,
    DrawCard,
    DrawPlot,
    DrawPoster,
    DrawTextCard,
    DrawThumbnail,
    EncodeListening,
    EncodeSound,
    FindChanges,
    LevelSegment,
    MeasureCapture,
    Measured,
    MeasureLatency,
    MeasureLoudness,
    MeasureSegment,
    MeasureSound,
    RenderSegment,
    Result,
    Task,
    WriteVideo,
)
from tone_shootout.rendering.fonts import identify
from tone_shootout.rendering.output.plots import WaveformPlot

if TYPE_CHECKING:
    from tone_shootout.rendering.engine.chain import SourceCache

T = TypeVar("T")

ReportProgress = Callable[[float], None]
"""Takes the completed share of a task, 0 to 1. It may raise to stop the task."""

Handler = Callable[[Any, "SourceCache", ReportProgress], Result]
"""Runs a task in a child process.

Raises:
    RenderError: the task can't be done.
    OSError: a file can't be read or written.
"""

Origins = Mapping[str, str]
"""Identifies the content of files that other tasks have written, by path."""


@dataclass(frozen=True, kw_only=True)
class TaskKind(Generic[T]):
    """Properties of all tasks of one type.

    Attributes:
        handler: `module:function` of a `Handler`, imported in the child process.
        result: type of the result; None: the task only writes files.
        cost_s: estimated seconds on one core for each task.
        cost_per_s: the same for each second of audio.
        content: returns everything that determines the output of the task, as JSON types; None: not cached here.
        files: returns the paths of the files that the task writes.
    """

    handler: str
    result: type[Measured] | None = None
    cost_s: float = 0.0
    cost_per_s: float = 0.0
    content: Callable[[T, Origins], Any] | None
    files: Callable[[T], tuple[str, ...]] = lambda _: ()

    def cost(self, seconds: float = 0.0) -> float:
        """Estimate the cost of one task on `seconds` of audio, in seconds on one core."""
        return self.cost_s + self.cost_per_s * seconds

    def load_handler(self) -> Handler:
        """Import the handler."""
        module, _, name = self.handler.partition(":")
        handler: Handler = getattr(import_module(module), name)
        return handler


def _raw_key(raw: str) -> str:
    """Return the key of a file of rendered samples: its name without the suffix."""
    return Path(raw).stem


def _comparison_content(task: CompareSegments, _: Origins) -> list[Any]:
    described = ({**msgspec.to_builtins(segment), "raw": _raw_key(segment.raw)} for segment in task.segments)
    return [task.faded, *described]


def _video_content(task: WriteVideo, origins: Origins) -> list[Any]:
    scenes = [[origins[scene.still], scene.frames, scene.strip] for scene in task.scenes]
    return [task.title, scenes, msgspec.to_builtins(task.chapters), origins[task.sound], task.layout]


def _card_content(task: DrawCard, origins: Origins) -> list[Any]:
    levels = [_raw_key(task.raw), task.gain_db, msgspec.to_builtins(task.spans)]
    content = [msgspec.to_builtins(task.card), _fonts(task.card), origins[task.envelope], *levels, task.layout]
    return [*content, sha256(Path(task.gear).read_bytes()).hexdigest()] if task.gear else content


def _text_card_content(task: DrawTextCard, _: Origins) -> list[Any]:
    return [msgspec.to_builtins(task.card), _fonts(task.card), task.layout]


def _thumbnail_content(task: DrawThumbnail, origins: Origins) -> list[Any]:
    thumbnail: dict[str, Any] = msgspec.to_builtins(task.thumbnail)
    return [thumbnail | {"envelope": origins[task.thumbnail.envelope]}, _fonts(task.thumbnail)]


def _sound_content(task: EncodeSound, _: Origins) -> list[Any]:
    return [
        [part.frames, [msgspec.to_builtins(take) | {"raw": _raw_key(take.raw)} for take in part.takes]]
        for part in task.parts
    ]


def _changes_content(task: FindChanges, _: Origins) -> list[Any]:
    return [task.di.media_info.sha256, task.channel, task.start, task.stop, task.samples]


def _plot_content(task: DrawPlot, origins: Origins) -> list[Any]:
    plot: dict[str, Any] = msgspec.to_builtins(task.plot)
    if isinstance(task.plot, WaveformPlot):
        plot["envelope"] = origins[task.plot.envelope]
    return [plot, _fonts(task.plot)]


def _poster_content(task: DrawPoster, origins: Origins) -> list[Any]:
    poster: dict[str, Any] = msgspec.to_builtins(task.poster)
    for row in poster["rows"]:
        row["envelope"] = origins[row["envelope"]]
    return [poster, _fonts(task.poster)]


def _fonts(content: Struct) -> list[list[str | int]]:
    """Return the installed fonts that the texts of a picture need: it changes with them."""
    return identify([msgspec.json.encode(content).decode()])


def _listening_content(task: EncodeListening, _: Origins) -> list[Any]:
    return [_raw_key(task.raw), task.gain_db, msgspec.to_builtins(task.sound)]


_HANDLERS: Final = "tone_shootout.rendering.executor.handlers"
_VIDEO: Final = "tone_shootout.rendering.executor.video_handlers"
_MEASURE: Final = "tone_shootout.rendering.executor.measure"

# Costs were measured on an x86-64 server. Rendered samples have other keys, see `stages`.
RENDER_SEGMENT: Final = TaskKind[RenderSegment](
    handler=f"{_HANDLERS}:render_segment_task", result=Measured, cost_per_s=0.003, content=None
)
MEASURE_LOUDNESS: Final = TaskKind[MeasureLoudness](
    handler=f"{_HANDLERS}:measure_loudness",
    result=Measured,
    cost_per_s=0.003,
    content=lambda task, _: _raw_key(task.raw),
)
LEVEL_SEGMENT: Final = TaskKind[LevelSegment](
    handler=f"{_HANDLERS}:level_segment",
    result=Measured,
    cost_per_s=0.003,
    content=lambda task, _: [_raw_key(task.raw), task.gain_db],
    files=lambda task: (task.flac, task.envelope),
)
FIND_CHANGES: Final = TaskKind[FindChanges](
    handler=f"{_VIDEO}:find_changes",
    cost_s=0.01,
    cost_per_s=0.002,
    content=_changes_content,
    files=lambda task: (task.file,),
)
DRAW_CARD: Final = TaskKind[DrawCard](
    handler=f"{_VIDEO}:draw_card",
    cost_s=0.04,
    cost_per_s=0.004,
    content=_card_content,
    files=lambda task: (task.still,),
)
DRAW_TEXT_CARD: Final = TaskKind[DrawTextCard](
    handler=f"{_VIDEO}:draw_text_card_task",
    cost_s=0.04,
    content=_text_card_content,
    files=lambda task: (task.still,),
)
DRAW_THUMBNAIL: Final = TaskKind[DrawThumbnail](
    handler=f"{_VIDEO}:draw_thumbnail_task",
    cost_s=0.05,
    content=_thumbnail_content,
    files=lambda task: (task.path,),
)
ENCODE_SOUND: Final = TaskKind[EncodeSound](
    handler=f"{_VIDEO}:encode_sound",
    cost_per_s=0.004,
    content=_sound_content,
    files=lambda task: (task.sound,),
)
WRITE_VIDEO: Final = TaskKind[WriteVideo](
    handler=f"{_VIDEO}:write_video_task",
    cost_per_s=0.0005,
    content=_video_content,
    files=lambda task: (task.video,),
)
COST_WAVEFORM: Final = 0.02
"""Cost of the plot of a waveform, which is drawn without matplotlib, in seconds on one core."""
DRAW_PLOT: Final = TaskKind[DrawPlot](
    handler=f"{_HANDLERS}:draw_plot_task",
    cost_s=0.2,
    content=_plot_content,
    files=lambda task: (f"{task.stem}.png", f"{task.stem}.svg"),
)
MEASURE_LATENCY: Final = TaskKind[MeasureLatency](
    handler=f"{_MEASURE}:measure_latency",
    cost_s=0.02,
    content=lambda task, _: [task.segment.chain_key, sorted(task.shifts.items())],
    files=lambda task: (task.metrics_file,),
)
MEASURE_CAPTURE: Final = TaskKind[MeasureCapture](
    handler=f"{_MEASURE}:measure_capture",
    cost_s=0.05,
    content=lambda task, _: [task.capture.media_info.sha256, task.size],
    files=lambda task: (task.metrics_file,),
)
MEASURE_SEGMENT: Final = TaskKind[MeasureSegment](
    handler=f"{_MEASURE}:measure_segment",
    cost_per_s=0.003,
    content=lambda task, _: [_raw_key(task.raw), task.gain_db],
    files=lambda task: (task.metrics_file,),
)
COMPARE_SEGMENTS: Final = TaskKind[CompareSegments](
    handler=f"{_MEASURE}:compare_segments",
    cost_per_s=0.0015,
    content=_comparison_content,
    files=lambda task: (task.metrics_file,),
)
ENCODE_LISTENING: Final = TaskKind[EncodeListening](
    handler="tone_shootout.rendering.listening_page.sound:encode_listening",
    cost_per_s=0.002,
    content=_listening_content,
    files=lambda task: (*task.paths, task.metrics_file),
)
DRAW_POSTER: Final = TaskKind[DrawPoster](
    handler="tone_shootout.rendering.listening_page.draw_poster:draw_poster",
    cost_s=0.05,
    content=_poster_content,
    files=lambda task: (task.path,),
)
MEASURE_SOUND: Final = TaskKind[MeasureSound](
    handler=f"{_MEASURE}:measure_sound",
    cost_per_s=0.0025,
    content=lambda task, origins: origins[task.sound],
    files=lambda task: (task.metrics_file,),
)

REGISTRY: Final[Mapping[type[Task], TaskKind[Any]]] = {
    RenderSegment: RENDER_SEGMENT,
    MeasureLoudness: MEASURE_LOUDNESS,
    LevelSegment: LEVEL_SEGMENT,
    FindChanges: FIND_CHANGES,
    DrawCard: DRAW_CARD,
    DrawTextCard: DRAW_TEXT_CARD,
    DrawThumbnail: DRAW_THUMBNAIL,
    EncodeSound: ENCODE_SOUND,
    WriteVideo: WRITE_VIDEO,
    DrawPlot: DRAW_PLOT,
    MeasureLatency: MEASURE_LATENCY,
    MeasureCapture: MEASURE_CAPTURE,
    MeasureSegment: MEASURE_SEGMENT,
    CompareSegments: COMPARE_SEGMENTS,
    MeasureSound: MEASURE_SOUND,
    EncodeListening: ENCODE_LISTENING,
    DrawPoster: DRAW_POSTER,
}
