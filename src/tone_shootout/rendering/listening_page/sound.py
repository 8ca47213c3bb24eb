"""Sound files of the listening page: FLAC in base64, each in a script that a page opened from disk can load."""

import base64
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tone_shootout.audio.files import encode_flac
from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.sides import outline
from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.engine.chain import SourceCache
from tone_shootout.rendering.executor.registry import ReportProgress
from tone_shootout.rendering.executor.tasks import EncodeListening
from tone_shootout.rendering.listening_page.sound_files import SegmentSound
from tone_shootout.rendering.plan.rates import OUTPUT_RATE

COLUMNS: Final = 1000
"""Columns of the waveform: no more than a screen has, and 3 kB for a segment."""


def encode_listening(task: EncodeListening, _cache: SourceCache, _report: ReportProgress) -> None:
    """Write the sound files of a leveled segment, and `SegmentSound` to `metrics_file`.

    Raises:
        OSError: a file can't be read or written.
    """
    samples = apply_gain(np.load(task.raw, allow_pickle=False), task.gain_db)
    for item, path in zip(task.sound, task.paths, strict=True):
        part = samples[..., item.start : item.start + item.samples]
        Path(path).write_text(sound_script(item.file, encode_flac(part, OUTPUT_RATE)), encoding="ascii")
    sound = SegmentSound(files=task.sound, peaks=base64.b64encode(peaks(samples)).decode())
    Path(task.metrics_file).write_bytes(msgspec.msgpack.encode(sound))


def sound_script(file: str, flac: bytes) -> str:
    """Return the script that hands a FLAC file to the page.

    Args:
        file: its path in the result folder: letters, digits, `-`, `/` and `.`.
        flac: the content.
    """
    return f'ToneShootout.sound("{file}","{base64.b64encode(flac).decode()}")\n'


def peaks(samples: Float32) -> bytes:
    """Return minimum and maximum of each of at most `COLUMNS` equal parts of a signal, shape (T,) or (2, T).

    Each is a signed byte, full scale ±127, rounded away from 0, so that sound is never drawn as silence.
    """
    lowest, highest = outline(samples)
    edges = np.linspace(0, len(lowest), min(COLUMNS, len(lowest)), endpoint=False).astype(np.intp)
    low = np.floor(np.minimum.reduceat(lowest, edges) * 127)
    high = np.ceil(np.maximum.reduceat(highest, edges) * 127)
    return np.stack([low, high], axis=1).clip(-127, 127).astype(np.int8).tobytes()
