"""Notices about likely mistakes in DI recordings and impulse responses: clipping, canceling sides, DC offset, delay."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from tone_shootout.audio.files import UNUSED_CHANNEL_ENERGY, Audio
from tone_shootout.audio.notices import FileNotice
from tone_shootout.audio.signals import BLOCK, Float32, decibels

MAX_PEAK_DBFS: Final = 12.0
"""Limit of a plausible peak: no interface exceeds it. Unscaled integers in a floating-point file do."""

CANCELLED_DB: Final = -10.0
"""Limit of the level of the mean of two sides relative to the stronger side. Uncorrelated sides stay above −6 dB;
only opposite ones fall below."""

DC_SHARE: Final = 0.02
MIN_DC: Final = 0.0005
"""Thresholds of a DC offset: relative to the peak, and absolute (−66 dBFS). Both must be reached."""

LATE_MS: Final = 10.0
ONSET_DB: Final = -20.0
"""Onset threshold of an impulse response, relative to its peak (ISO 3382-1)."""

_MIN_ISOLATED_CLIPPED: Final = 8


def di_notices(audio: Audio) -> tuple[FileNotice, ...]:
    """Check a DI recording.

    Args:
        audio: decoded recording.

    Returns:
        Notices with the codes `far_above_full_scale`, `clipped`, `sides_cancel`, `dc_offset` and `lossy`; empty if
        nothing is found.
    """
    peaks = [_peak(side) for side in audio.samples]
    return (*_levels(audio, max(peaks)), *_sides(audio.samples), *_offset(audio.samples, max(peaks)), *_lossy(audio))


def sides_cancel(samples: Float32) -> float | None:
    """Return the level of the mean of two sides relative to the stronger side, if they cancel.

    Args:
        samples: samples, shape (channels, T).

    Returns:
        dB, −10 or less, −inf for silence; None if the sides do not cancel or there are not exactly two.
    """
    if len(samples) != 2:
        return None
    left, right, both = 0.0, 0.0, 0.0
    for start in range(0, samples.shape[1], BLOCK):
        x, y = samples[:, start : start + BLOCK].astype(np.float64)
        left, right, both = left + float(x @ x), right + float(y @ y), both + float(x @ y)
    strongest = max(left, right)
    if min(left, right) <= UNUSED_CHANNEL_ENERGY * strongest:
        return None
    mean = max(0.0, (left + right + 2.0 * both) / 4.0)
    level = decibels((mean / strongest) ** 0.5)
    return level if level <= CANCELLED_DB else None


def ir_notices(audio: Audio) -> tuple[FileNotice, ...]:
    """Check an impulse response.

    Args:
        audio: decoded impulse response.

    Returns:
        A notice with the code `late_onset` for an onset after more than 10 ms, else empty.
    """
    levels = np.abs(audio.samples).max(axis=0)
    onset = int(np.argmax(levels >= levels.max() * 10.0 ** (ONSET_DB / 20.0)))
    late_ms = 1000.0 * onset / audio.rate
    if late_ms <= LATE_MS:
        return ()
    detail = (
        f"the response starts {late_ms:.1f} ms after the start of the file, which delays the sound. "
        "Trim the leading silence unless it is intended."
    )
    return (FileNotice("late_onset", detail),)


def _peak(side: Float32) -> float:
    return max(float(side.max()), -float(side.min()))


def _levels(audio: Audio, peak: float) -> Iterator[FileNotice]:
    peak_dbfs = decibels(peak)
    if peak_dbfs > MAX_PEAK_DBFS:
        likely = next((bits for bits in (16, 24, 32) if 1000.0 < peak <= 2.0 ** (bits - 1)), None)
        advice = "Lower its level before using it."
        if likely is not None:
            advice = (
                f"The samples are probably {likely}-bit integers stored as floating point without scaling; "
                f"divide them by {2 ** (likely - 1)}."
            )
        yield FileNotice("far_above_full_scale", f"the peak is {peak_dbfs:+.1f} dBFS. {advice}")
        return
    count, first = _clipped(audio, peak)
    if first is not None:
        samples = "1 sample is" if count == 1 else f"{count} samples are"
        detail = f"{samples} clipped at full scale, the first at {first / audio.rate:.3f} s."
        yield FileNotice("clipped", f"{detail} Record it again at a lower level.")


def _clipped(audio: Audio, peak: float) -> tuple[int, int | None]:
    """Count the samples at full scale and find the first; few isolated ones result from normalizing and don't count."""
    if peak > 1.0:  # a floating-point file that exceeds full scale is not clipped at full scale
        return 0, None
    scale = np.float32(1.0 - 2.0 ** (1 - min(max(audio.bits or 16, 8), 16)))
    count, first, adjacent = 0, audio.samples.shape[1], False
    for side in audio.samples:
        before = False
        for start in range(0, len(side), BLOCK):
            block = side[start : start + BLOCK]
            full = (block >= scale) | (block <= -scale)
            found = np.flatnonzero(full)
            if len(found):
                count += len(found)
                first = min(first, start + int(found[0]))
                adjacent = adjacent or bool((full[1:] & full[:-1]).any()) or (before and bool(full[0]))
            before = bool(full[-1])
    return (count, first) if adjacent or count >= _MIN_ISOLATED_CLIPPED else (0, None)


def _sides(samples: Float32) -> Iterator[FileNotice]:
    level = sides_cancel(samples)
    if level is not None:
        lost = "to silence" if level < -100.0 else f"by {-level:.0f} dB"
        yield FileNotice(
            "sides_cancel",
            f'the sides are opposite, so their mean cancels {lost}. Set channel to "left" or "right" to use one side.',
        )


def _offset(samples: Float32, peak: float) -> Iterator[FileNotice]:
    offset = max((float(side.mean(dtype=np.float64)) for side in samples), key=abs)
    if abs(offset) >= max(MIN_DC, DC_SHARE * peak):
        yield FileNotice(
            "dc_offset",
            f"the recording has a DC offset of {offset:+.3g} ({decibels(abs(offset)):.0f} dBFS), which changes how a "
            "capture distorts it. Remove it with a high-pass filter at 20 Hz.",
        )


def _lossy(audio: Audio) -> Iterator[FileNotice]:
    if audio.lossy:
        yield FileNotice(
            "lossy",
            f"the recording was compressed with loss ({audio.lossy.upper()}); distortion makes the artifacts audible. "
            "Export it as WAV or FLAC.",
        )
