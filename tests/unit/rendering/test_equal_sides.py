"""Stereo AAC from mono packets: any decoder gets the mono signal on both sides."""

import os
from collections.abc import Iterable

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, plucks
from tone_shootout.rendering.video.encoder import AUDIO_BIT_RATE, _sound, _sound_stream
from tone_shootout.rendering.video.equal_sides import stereo_packet

STEREO = bytes.fromhex("1190")
"""AudioSpecificConfig of ISO/IEC 14496-3: AAC-LC, 48 kHz, two channels."""
MONO = bytes.fromhex("1188")


def _encode(samples: NDArray[np.float32]) -> list[bytes]:
    with av.open(os.devnull, "w", format="null") as container:
        stream = _sound_stream(container, "mono", AUDIO_BIT_RATE)
        packets = _sound(stream, samples[np.newaxis], 0, 0, len(samples) * 30 // RATE)
        return [bytes(packet) for packet in [*packets, *stream.encode(None)]]


def _decode(packets: Iterable[bytes], config: bytes) -> NDArray[np.float32]:
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = config
    decoded = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return np.asarray(np.concatenate(decoded, axis=1), np.float32)


def _is_short(mono: bytes) -> bool:
    """Whether a packet has eight short windows."""
    return int.from_bytes(mono[:3], "big") >> 6 & 3 == 2


def test_both_sides_are_the_mono_signal_for_long_and_short_windows_and_silence() -> None:
    clicks = np.zeros(RATE, np.float32)
    clicks[::9_000] = 0.9
    packets = _encode(np.concatenate([plucks(2.0), clicks, np.zeros(RATE, np.float32), np.tanh(9 * plucks(1.0))]))
    assert {_is_short(packet) for packet in packets} == {True, False}
    mono, stereo = _decode(packets, MONO), _decode(map(stereo_packet, packets), STEREO)
    np.testing.assert_array_equal(stereo, np.concatenate([mono, mono]))


def test_a_stereo_packet_is_not_rewritten() -> None:
    (packet, *_) = _encode(plucks(1.0))
    with pytest.raises(ValueError, match="single channel"):
        stereo_packet(stereo_packet(packet))
