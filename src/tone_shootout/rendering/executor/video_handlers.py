"""Handlers of the tasks that make the video; they run in child processes."""

from pathlib import Path

import msgspec
import numpy as np

from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.temporal import detect_onsets
from tone_shootout.rendering.engine.chain import SourceCache
from tone_shootout.rendering.executor.registry import ReportProgress
from tone_shootout.rendering.executor.tasks import (
    DrawCard,
    DrawTextCard,
    DrawThumbnail,
    EncodeSound,
    FindChanges,
    WriteVideo,
)
from tone_shootout.rendering.plan.rates import OUTPUT_RATE
from tone_shootout.rendering.video.ab_round import changes
from tone_shootout.rendering.video.cards import draw
from tone_shootout.rendering.video.encoder import write_sound, write_video
from tone_shootout.rendering.video.layout import LAYOUTS
from tone_shootout.rendering.video.palette import accent
from tone_shootout.rendering.video.pictures import encode_still
from tone_shootout.rendering.video.playhead import moments, strips
from tone_shootout.rendering.video.text_cards import draw_text_card, draw_thumbnail


def find_changes(task: FindChanges, source_cache: SourceCache, _report: ReportProgress) -> None:
    """Find the notes of a DI track, and choose those before which the tone changes."""
    samples = source_cache.di(task.di, task.channel)[task.start : task.stop]
    onsets = [onset * OUTPUT_RATE // task.rate for onset in detect_onsets(samples, task.rate)]
    Path(task.file).write_bytes(msgspec.msgpack.encode(changes(onsets, task.samples)))


def draw_card(task: DrawCard, _cache: SourceCache, _report: ReportProgress) -> None:
    """Draw a card and encode it as a still picture."""
    layout = LAYOUTS[task.layout]
    picture = draw(task.card, np.load(task.envelope, allow_pickle=False), layout, task.gear)
    samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
    shown = strips(
        moments(samples, task.spans),
        seconds=samples.shape[-1] / OUTPUT_RATE,
        color=accent(task.card.color),
        layout=layout,
    )
    Path(task.still).write_bytes(msgspec.msgpack.encode(encode_still(picture, shown, layout)))


def draw_text_card_task(task: DrawTextCard, _cache: SourceCache, _report: ReportProgress) -> None:
    """Draw a card without sound and encode it as a still picture."""
    layout = LAYOUTS[task.layout]
    picture = draw_text_card(task.card, layout)
    strip = picture[layout.strip_top : layout.strip_bottom]
    Path(task.still).write_bytes(msgspec.msgpack.encode(encode_still(picture, [strip], layout)))


def draw_thumbnail_task(task: DrawThumbnail, _cache: SourceCache, _report: ReportProgress) -> None:
    """Draw the thumbnail."""
    picture = draw_thumbnail(task.thumbnail, np.load(task.thumbnail.envelope, allow_pickle=False))
    picture.save(Path(task.path), "PNG", compress_level=6)


def encode_sound(task: EncodeSound, _cache: SourceCache, report_progress: ReportProgress) -> None:
    """Encode the video's sound."""
    write_sound(Path(task.sound), task.parts, report_progress)


def write_video_task(task: WriteVideo, _cache: SourceCache, report_progress: ReportProgress) -> None:
    """Mux the video."""
    write_video(
        Path(task.video),
        task.title,
        task.scenes,
        task.chapters,
        Path(task.sound),
        report_progress,
        LAYOUTS[task.layout],
    )
