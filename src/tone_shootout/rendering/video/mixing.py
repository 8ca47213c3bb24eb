"""Mixes the parts of the video's sound: segments, and the turns of an A/B round with crossfades between them.

A crossfade is a raised cosine whose two sides add up to one at every sample. So the sound never exceeds both tones, and
their one gain and their ceiling hold in the fade as well.
"""

import numpy as np
from numpy.typing import NDArray

from tone_shootout.audio.levels import apply_gain
from tone_shootout.audio.pcm import round_to_24_bits
from tone_shootout.audio.signals import Float32
from tone_shootout.rendering.plan.timeline import FRAME_SAMPLES
from tone_shootout.rendering.video.ab_round import HALF_FADE
from tone_shootout.rendering.video.video_frames import Part, Take


def mixed(part: Part, *, channels: int) -> NDArray[np.float32]:
    """Return the sound of a part, rounded to 24 bits, shape (channels, T), with silence where nothing is heard.

    Args:
        part: the part.
        channels: 1 or 2; mono segments are repeated on both.

    Raises:
        OSError: a file can't be read.
    """
    sound = np.zeros((channels, part.frames * FRAME_SAMPLES), np.float32)
    for take in part.takes:
        samples, at = _read(take)
        sound[:, at : at + samples.shape[-1]] += samples
    return round_to_24_bits(sound)


def _read(take: Take) -> tuple[Float32, int]:
    """Return the samples of a take at its gain, with its fades, and their place in the part."""
    raw: NDArray[np.float32] = np.load(take.raw, mmap_mode="r", allow_pickle=False)
    before, after = (HALF_FADE if fades else 0 for fades in (take.fade_in, take.fade_out))
    samples = apply_gain(np.array(raw[..., take.first - before : take.first + take.samples + after]), take.gain_db)
    if take.fade_in:
        samples[..., : 2 * HALF_FADE] *= _rise()
    if take.fade_out:
        end = samples[..., before + take.samples - HALF_FADE :]
        end *= (1 - _rise())[: end.shape[-1]]  # the segment may end within the fade
    return samples, take.at - before


def _rise() -> NDArray[np.float32]:
    phase = (np.arange(2 * HALF_FADE) + 0.5) / (2 * HALF_FADE)
    return ((1 - np.cos(np.pi * phase)) / 2).astype(np.float32)
