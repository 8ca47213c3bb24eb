"""Tasks that a child process runs, and the messages that it sends: plain data. `registry` states how each is run."""

from msgspec import Struct

from tone_shootout.audio.constants import Channel
from tone_shootout.rendering.listening_page.poster import Poster
from tone_shootout.rendering.listening_page.sound_files import SoundFile
from tone_shootout.rendering.media_info import MediaInfo
from tone_shootout.rendering.metrics import Latency
from tone_shootout.rendering.output.plots import Plot
from tone_shootout.rendering.plan.planner import PlannedSegment
from tone_shootout.rendering.spec.schema import Chain
from tone_shootout.rendering.video.layout import LayoutName
from tone_shootout.rendering.video.video_frames import Card, ChapterMark, Part, Scene, Span, TextCard, Thumbnail


class SourceFile(Struct, frozen=True):
    """Path and media info of a `file` of the plan."""

    path: str
    media_info: MediaInfo


class Measured(Struct, frozen=True, kw_only=True):
    """Levels of a segment. Units are in the names; `audio.loudness` defines each value."""

    integrated_lufs: float
    loudness_range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    rms_dbfs: float
    crest_factor_db: float
    dc_offset: float


class Preview(Struct, frozen=True, kw_only=True):
    """A FLAC of one segment, matched on its own, that is written before all segments can be leveled.

    Attributes:
        flac: path of the 24-bit FLAC file.
        target_lufs: requested loudness, LUFS; the result is lower if the peak would exceed the ceiling.
        ceiling_dbtp: highest true peak, dBTP.
    """

    flac: str
    target_lufs: float
    ceiling_dbtp: float


class RenderSegment(Struct, tag=True, frozen=True, kw_only=True):
    """Render a segment, save its samples to the NumPy file `raw` and measure them.

    Attributes:
        segment: the segment.
        chain: its chain.
        di: its DI track.
        sources: captures and cab IRs of the stages that run, by the blocks' `file`.
        runs: indices of the stages that run.
        resumed: NumPy files with the outputs of other stages that those need, by index.
        shifts: by index of a split's stage, samples by which each of its paths is moved earlier.
        advance: samples by which the segment is moved earlier, at 48 kHz.
        inverted: whether its polarity is inverted.
        stage_outputs: NumPy files for the outputs of stages, by stage index.
        raw: path of the result.
        preview: FLAC to write as well; None: none.
    """

    segment: PlannedSegment
    chain: Chain
    di: SourceFile
    sources: dict[str, SourceFile]
    runs: tuple[int, ...]
    resumed: dict[int, str] = {}
    shifts: dict[int, tuple[int, ...]] = {}
    advance: int = 0
    inverted: bool = False
    stage_outputs: dict[int, str] = {}
    raw: str
    preview: Preview | None = None


class MeasureLoudness(Struct, tag=True, frozen=True, kw_only=True):
    """Measure the levels of a rendered segment, and write its preview if one is requested."""

    segment: PlannedSegment
    raw: str
    preview: Preview | None = None


class LevelSegment(Struct, tag=True, frozen=True, kw_only=True):
    """Apply a gain to a segment, write it as 24-bit FLAC and its envelope as NumPy file, and measure its samples."""

    segment: PlannedSegment
    raw: str
    gain_db: float
    flac: str
    envelope: str


class FindChanges(Struct, tag=True, frozen=True, kw_only=True):
    """Find the frames of a DI track's slice where the tone changes in the A/B round; write them to `file`.

    Attributes:
        di: the DI track.
        channel: selected side of its file.
        start: first sample of the slice, at the rate of the DI track.
        stop: end of the slice, exclusive.
        rate: sample rate of the DI track, Hz.
        samples: length of its segments at 48 kHz.
        file: path of the result.
    """

    di: SourceFile
    channel: Channel | None
    start: int
    stop: int
    rate: int
    samples: int
    file: str


class DrawCard(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a segment's card with the waveform of the file `envelope`, and encode it to the file `still`.

    Its strips show the levels of the samples `raw` at a gain, for the half seconds of `spans`. `gear` is the JPEG file
    of a picture of the gear; empty: none.
    """

    card: Card
    envelope: str
    raw: str
    gain_db: float
    spans: tuple[Span, ...]
    still: str
    layout: LayoutName = "wide"
    gear: str = ""


class DrawTextCard(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a card without sound, and encode it to the file `still`."""

    card: TextCard
    still: str
    layout: LayoutName = "wide"


class DrawThumbnail(Struct, tag=True, frozen=True, kw_only=True):
    """Draw the thumbnail of the video to the PNG file `path`."""

    thumbnail: Thumbnail
    path: str


class EncodeSound(Struct, tag=True, frozen=True, kw_only=True):
    """Encode the video's sound to the MP4 file `sound`."""

    parts: tuple[Part, ...]
    sound: str


class WriteVideo(Struct, tag=True, frozen=True, kw_only=True):
    """Mux scenes and sound to the file `video`."""

    title: str
    scenes: tuple[Scene, ...]
    chapters: tuple[ChapterMark, ...]
    sound: str
    video: str
    layout: LayoutName = "wide"


class MeasureLatency(Struct, tag=True, frozen=True, kw_only=True):
    """Measure the latency of a segment's chain, or of a path of a split as if it were one, with a probe signal.

    The result, `Latency`, is written to `metrics_file`. `shifts` are as in `RenderSegment`.
    """

    segment: PlannedSegment
    chain: Chain
    sources: dict[str, SourceFile]
    shifts: dict[int, tuple[int, ...]] = {}
    metrics_file: str


class MeasureCapture(Struct, tag=True, frozen=True, kw_only=True):
    """Measure a capture on its own, at one size; write `CaptureMetrics` to `metrics_file`."""

    capture: SourceFile
    size: float | None
    metrics_file: str


class MeasureSegment(Struct, tag=True, frozen=True, kw_only=True):
    """Measure spectrum and dynamics of a segment at its gain; write `Metrics` to `metrics_file`."""

    raw: str
    gain_db: float
    metrics_file: str


class ComparedSegment(Struct, frozen=True, kw_only=True):
    """A segment in a comparison: position, samples, the gain that levels them, and the latency of its chain."""

    position: int
    raw: str
    gain_db: float
    latency: Latency


class CompareSegments(Struct, tag=True, frozen=True, kw_only=True):
    """Compare all segments of a DI track; write a `Pair` for every two of them to `metrics_file`.

    Without what is faded, which is different parts of the sound after chains of different latency.
    """

    segments: tuple[ComparedSegment, ...]
    faded: bool
    metrics_file: str


class MeasureSound(Struct, tag=True, frozen=True, kw_only=True):
    """Decode and measure a video's encoded sound; write `Encoded` to `metrics_file`."""

    sound: str
    seconds: float
    metrics_file: str


class DrawPlot(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a plot to `stem` plus `.png` and `stem` plus `.svg`."""

    plot: Plot
    stem: str


class EncodeListening(Struct, tag=True, frozen=True, kw_only=True):
    """Encode the samples of `raw` at a gain for the listening page: `sound` to the files `paths`, and their peaks.

    Writes `SegmentSound` to `metrics_file`.
    """

    raw: str
    gain_db: float
    sound: tuple[SoundFile, ...]
    paths: tuple[str, ...]
    metrics_file: str


class DrawPoster(Struct, tag=True, frozen=True, kw_only=True):
    """Draw a poster to the PNG file `path`."""

    poster: Poster
    path: str


Task = (
    RenderSegment
    | MeasureLoudness
    | LevelSegment
    | FindChanges
    | DrawCard
    | DrawTextCard
    | DrawThumbnail
    | EncodeSound
    | WriteVideo
    | MeasureLatency
    | MeasureCapture
    | MeasureSegment
    | CompareSegments
    | MeasureSound
    | DrawPlot
    | EncodeListening
    | DrawPoster
)
Result = Measured | None


class Progress(Struct, tag=True, frozen=True):
    """The completed share of the current task, 0 to 1."""

    share: float


class Done(Struct, tag=True, frozen=True):
    """The task is complete."""

    result: Result


class Failed(Struct, tag=True, frozen=True):
    """The task failed for a reason that a user can act on: the fields of `RenderError`."""

    code: str
    detail: str
    segment: int | None = None
    pointer: str | None = None


class Crashed(Struct, tag=True, frozen=True):
    """The task failed because of a fault in this program."""

    traceback: str


Message = Progress | Done | Failed | Crashed
"""A message from a child to its parent."""
