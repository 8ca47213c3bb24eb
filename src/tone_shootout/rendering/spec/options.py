"""Options of a spec that apply to all of its segments: level, export, and what to make of them."""

from typing import Annotated

from msgspec import Meta, Struct


class Part(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=False):
    """Base of all parts of a spec: unknown keys are rejected."""


class Level(Part, kw_only=True, frozen=True):
    """Common loudness and maximum true peak of all segments."""

    target_lufs: Annotated[
        float, Meta(ge=-40.0, le=-5.0, description="Requested integrated loudness, LUFS.", examples=[-16.0])
    ] = -16.0
    ceiling_dbtp: Annotated[
        float, Meta(ge=-20.0, le=0.0, description="Maximum true peak, dBTP.", examples=[-1.0])
    ] = -1.0


class Output(Part, kw_only=True, frozen=True):
    """What to make of the segments, beside their files and measurements."""

    page: Annotated[bool, Meta(description="Whether to make the listening page.")] = True
    plots: Annotated[bool, Meta(description="Whether to draw plots.")] = True
    video: Annotated[bool, Meta(description="Whether to make the video with its chapters and description.")] = True


class Video(Part, kw_only=True, frozen=True):
    """Form of the video."""

    blind: Annotated[
        bool,
        Meta(
            description="Whether tones have letters in place of names, up to a card with the key near the end of the "
            "video, and in chapters and description."
        ),
    ] = False
    vertical: Annotated[
        bool, Meta(description="Whether the picture is 1080 pixels wide and 1920 high, instead of the reverse.")
    ] = False
    ab_only: Annotated[
        bool,
        Meta(
            description="Whether the video has the A/B round alone, where tones change within a performance, without "
            "each tone as a whole before it."
        ),
    ] = False


class Export(Part, kw_only=True, frozen=True):
    """How the files of the segments are cut."""

    aligned: Annotated[
        bool,
        Meta(description="Whether each file is moved earlier by the measured latency of its chain."),
    ] = False
    right_polarity: Annotated[
        bool, Meta(description="Whether files of chains that invert the polarity are inverted back.")
    ] = False
    tail_s: Annotated[
        float,
        Meta(
            ge=0.0,
            le=30.0,
            description="How long every segment goes on after its DI track, seconds: tails of delays and reverbs.",
            examples=[2.0],
        ),
    ] = 0.0
