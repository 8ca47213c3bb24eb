"""The pieces of work that a shootout is made of, each done by one child process: plain data, and what is said of it."""

from msgspec import Struct

from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.output.plots import Plot
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.spec.schema import Chain
from tone_shootout.rendering.video.video_frames import Card, Part, Scene


class SourceFile(Struct, frozen=True):
    """Where the content is that a plan's `file` stands for, and what was found in it."""

    path: str
    facts: MediaInfo


class Measured(Struct, frozen=True, kw_only=True):
    """What a segment measures; units are in the names, definitions in `audio.loudness`."""

    integrated_lufs: float
    loudness_range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    rms_dbfs: float
    crest_factor_db: float
    dc_offset: float


class Partial(Struct, frozen=True, kw_only=True):
    """How a segment is written before all are there and can be levelled: at a gain of its own.

    Attributes:
        flac: for the 24-bit FLAC.
        target_lufs: loudness that it gets, or less where its peak would lie beyond the ceiling.
        ceiling_dbtp: highest true peak.
    """

    flac: str
    target_lufs: float
    ceiling_dbtp: float


class Render(Struct, tag=True, frozen=True, kw_only=True):
    """Render a segment, keep its samples in the NumPy file `raw` and measure them.

    Attributes:
        segment: what is rendered.
        chain: its chain.
        di: its DI track.
        sources: captures and cab IRs of the stages that run.
        first: index of the first stage that runs.
        begin: NumPy file with the sound behind the stage before; None: it begins with the DI track.
        keep: NumPy files for the sound behind stages, by the stage's index.
        raw: for the result.
        partial: how it is written to be heard meanwhile, if at all.
    """

    segment: PlannedSegment
    chain: Chain
    di: SourceFile
    sources: dict[str, SourceFile]
    first: int = 0
    begin: str | None = None
    keep: dict[int, str] = {}
    raw: str
    partial: Partial | None = None


class Measure(Struct, tag=True, frozen=True, kw_only=True):
    """Measure a segment that was rendered before, and write it to be heard meanwhile where `partial` says how."""

    segment: PlannedSegment
    raw: str
    partial: Partial | None = None


class Level(Struct, tag=True, frozen=True, kw_only=True):
    """Write a segment with its gain to a 24-bit FLAC, and measure what was written."""

    segment: PlannedSegment
    raw: str
    gain_db: float
    flac: str


class Draw(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a segment's card, with the waveform of `raw` at its gain, and encode it to the file `still`."""

    card: Card
    raw: str
    gain_db: float
    still: str


class Soundtrack(Struct, tag=True, frozen=True, kw_only=True):
    """Encode the video's sound to the file `sound`."""

    parts: tuple[Part, ...]
    sound: str


class Film(Struct, tag=True, frozen=True, kw_only=True):
    """Put scenes and their sound together to a video."""

    title: str
    scenes: tuple[Scene, ...]
    sound: str
    video: str


class Align(Struct, tag=True, frozen=True, kw_only=True):
    """Find the latency of a segment's chain with a probe, and write it to the file `figures`."""

    segment: PlannedSegment
    chain: Chain
    sources: dict[str, SourceFile]
    figures: str


class Characterise(Struct, tag=True, frozen=True, kw_only=True):
    """Measure a capture by itself, at one size, and write `CaptureFigures` to the file `figures`."""

    capture: SourceFile
    size: float | None
    figures: str


class Examine(Struct, tag=True, frozen=True, kw_only=True):
    """Measure how a written segment sounds and moves, and write `Metrics` to the file `figures`."""

    flac: str
    figures: str


class Voice(Struct, frozen=True, kw_only=True):
    """A segment that is compared with others: its samples, the gain that levels them, and where they lie."""

    position: int
    raw: str
    gain_db: float
    latency: Latency


class Compare(Struct, tag=True, frozen=True, kw_only=True):
    """Compare all segments of a DI track, and write a `Pair` for each two of them to the file `figures`."""

    voices: tuple[Voice, ...]
    figures: str


class Listen(Struct, tag=True, frozen=True, kw_only=True):
    """Measure a video's sound, and write `Encoded` to the file `figures`."""

    video: str
    seconds: float
    figures: str


class DrawPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a plot to the files `stem` with `.png` and `.svg`."""

    plot: Plot
    stem: str


Gauging = Measure | Align | Characterise | Examine | Compare | Listen
"""What takes figures."""

Task = Render | Gauging | Level | Draw | Soundtrack | Film | DrawPlot
Result = Measured | None


class Progress(Struct, tag=True, frozen=True):
    """How much of the task in hand is done, 0 to 1."""

    share: float


class Done(Struct, tag=True, frozen=True):
    """The task is done."""

    result: Result


class Failed(Struct, tag=True, frozen=True):
    """The task can't be done, for a reason that a person can act on."""

    code: str
    detail: str
    segment: int | None = None
    pointer: str | None = None


class Broken(Struct, tag=True, frozen=True):
    """Our own code has a fault; the traceback is for its authors."""

    traceback: str


Message = Progress | Done | Failed | Broken
"""What a child says."""
