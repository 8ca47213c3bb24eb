"""Dynamics processors: a compressor and a noise gate, without look-ahead and therefore without latency."""

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.constants import amplitude
from tone_shootout.audio.signals import (
    Float32,
    Float64,
    Signal,
    as_channels,
    as_float32,
    check_range,
    check_rate,
)

THRESHOLD_RANGE_DB = (-100.0, 0.0)
RATIO_RANGE = (1.0, 100.0)
ATTACK_RANGE_MS = (0.05, 500.0)
RELEASE_RANGE_MS = (1.0, 5_000.0)
KNEE_DB = 6.0
FLOOR = 1e-6

GATE_HYSTERESIS_DB = 6.0
GATE_HOLD_MS = 50.0
GATE_ATTACK_MS = 1.0
GATE_RELEASE_MS = 50.0

CHUNK_SAMPLES = 65_536


def compressor(
    x: Signal, rate: int, *, threshold_db: float, ratio: float, attack_ms: float, release_ms: float
) -> Float32:
    """Compress a signal: feed-forward, peak-sensing, no make-up gain. Both sides of a stereo signal get one gain.

    The design follows Giannoulis, Massberg and Reiss ("Digital Dynamic Range Compressor Design", JAES 60(6), 2012): a
    static curve with a 6 dB soft knee (equation 4) gives the target gain reduction in decibels; a branching one-pole
    smoother (equation 16) follows it with the attack or the release time constant.

    Args:
        x: samples, shape (T,) or (channels, T).
        rate: sample rate in Hz.
        threshold_db: level at which compression starts, −100 to 0 dBFS.
        ratio: compression ratio, 1 to 100.
        attack_ms: time constant (63 %) of increasing gain reduction, 0.05 to 500 ms.
        release_ms: time constant of decreasing gain reduction, 1 to 5000 ms.

    Returns:
        Samples in the shape of `x`.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `out_of_range`.
    """
    check_range("the threshold", threshold_db, *THRESHOLD_RANGE_DB, "dBFS")
    check_range("the ratio", ratio, *RATIO_RANGE, "")
    check_range("the attack", attack_ms, *ATTACK_RANGE_MS, "ms")
    check_range("the release", release_ms, *RELEASE_RANGE_MS, "ms")
    channels = as_channels(x)
    attack, release = _smoothing(attack_ms, check_rate(rate)), _smoothing(release_ms, rate)
    out = np.empty(channels.shape, dtype=np.float32)
    reduction = 0.0
    for start in range(0, channels.shape[1], CHUNK_SAMPLES):
        block = channels[:, start : start + CHUNK_SAMPLES].astype(np.float64)
        level = 20 * np.log10(np.maximum(np.abs(block).max(axis=0), FLOOR))
        smoothed = []
        for target in _reduction_db(level - threshold_db, ratio).tolist():
            reduction += (attack if target > reduction else release) * (target - reduction)
            smoothed.append(reduction)
        out[:, start : start + block.shape[1]] = as_float32(block * 10 ** (-np.array(smoothed) / 20))
    return out.reshape(x.shape)


def noise_gate(x: Signal, rate: int, *, threshold_db: float) -> Float32:
    """Gate a signal: mute it while its level is below a threshold. Both sides of a stereo signal get one gain.

    The gate opens at a sample at or above the threshold. It closes after 50 ms (hold) without a sample at or above 6 dB
    below the threshold (hysteresis). The gain follows exponentially, with a time constant of 1 ms to open and 50 ms to
    close.

    Args:
        x: samples, shape (T,) or (channels, T).
        rate: sample rate in Hz.
        threshold_db: opening threshold, −100 to 0 dBFS.

    Returns:
        Samples in the shape of `x`.

    Raises:
        AudioError: `empty`, `not_finite`, `bad_shape`, `unsupported_rate` or `out_of_range`.
    """
    check_range("the threshold", threshold_db, *THRESHOLD_RANGE_DB, "dBFS")
    channels = as_channels(x)
    hold = round(GATE_HOLD_MS * check_rate(rate) / 1000)
    is_open = _gate_state(channels, amplitude(threshold_db), amplitude(threshold_db - GATE_HYSTERESIS_DB), hold)
    changes = np.flatnonzero(np.diff(is_open)) + 1
    out = np.empty(channels.shape, dtype=np.float32)
    current = float(is_open[0])
    for start, end in zip([0, *changes], [*changes, channels.shape[1]], strict=True):
        target = float(is_open[start])
        decay = 1 - _smoothing(GATE_ATTACK_MS if target else GATE_RELEASE_MS, rate)
        distance = current - target
        for first in range(start, end, CHUNK_SAMPLES):
            last = min(first + CHUNK_SAMPLES, end)
            gain = target + distance * decay ** np.arange(first - start + 1, last - start + 1)
            out[:, first:last] = as_float32(channels[:, first:last] * gain)
            current = float(gain[-1])
    return out.reshape(x.shape)


def _smoothing(time_ms: float, rate: int) -> float:
    """Return the coefficient of a one-pole smoother: the share of the distance to the target covered per sample."""
    return float(-np.expm1(-1000.0 / (time_ms * rate)))


def _reduction_db(over: Float64, ratio: float) -> Float64:
    """Return the target gain reduction in dB for levels in dB over the threshold."""
    slope = 1 - 1 / ratio
    knee = slope * (over + KNEE_DB / 2) ** 2 / (2 * KNEE_DB)
    return np.where(2 * over < -KNEE_DB, 0.0, np.where(2 * over > KNEE_DB, slope * over, knee))


def _gate_state(channels: Signal, open_level: float, close_level: float, hold: int) -> NDArray[np.bool_]:
    """Return, per sample of a signal of shape (channels, T), whether a gate with hysteresis and hold is open."""
    is_open = np.empty(channels.shape[1], dtype=np.bool_)
    last_above_close, held_since, last_opened, was_held = -hold - 1, 0, -1, False
    for start in range(0, channels.shape[1], CHUNK_SAMPLES):
        level = np.abs(channels[:, start : start + CHUNK_SAMPLES].astype(np.float64)).max(axis=0)
        index = np.arange(start, start + len(level))
        above_close = np.maximum.accumulate(np.where(level >= close_level, index, last_above_close))
        held = index - above_close <= hold
        starts = held & ~np.concatenate(([was_held], held[:-1]))
        since = np.maximum.accumulate(np.where(starts, index, held_since))
        opened = np.maximum.accumulate(np.where(level >= open_level, index, last_opened))
        is_open[start : start + len(level)] = held & (opened >= since)
        last_above_close, held_since, last_opened = int(above_close[-1]), int(since[-1]), int(opened[-1])
        was_held = bool(held[-1])
    return is_open
