import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from tests.support.ffmpeg import encoded
from tone_shootout.audio.files import Audio, AudioError, mono, read_audio, write_flac, write_wav

RATE = 48_000
LOSSLESS = [
    ("wav", "pcm_s24le", "s32"),
    ("aiff", "pcm_s24be", "s32"),
    ("flac", "flac", "s32"),
    ("ipod", "alac", "s32p"),
]
LOSSY = [("mp3", "libmp3lame", "fltp"), ("ogg", "libopus", "flt"), ("ipod", "aac", "fltp")]


def steps_of_24_bits(count: int = RATE) -> NDArray[np.float32]:
    integers = np.random.default_rng(24).integers(-(2**23), 2**23, count)
    return (integers / 2**23).astype(np.float32)


def tone(seconds: float = 1.0) -> NDArray[np.float32]:
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time) * np.minimum(1, 20 * time)).astype(np.float32)


def riff(*chunks: tuple[bytes, bytes], kind: bytes = b"RIFF") -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return kind + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def wav_format(*, code: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16) -> tuple[bytes, bytes]:
    frame = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * frame % 2**32, frame, bits)


def refusal(data: bytes | Path, *, max_seconds: float = 60.0, max_channels: int = 2) -> str:
    with pytest.raises(AudioError) as caught:
        read_audio(data, max_seconds=max_seconds, max_channels=max_channels)
    assert "\n" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(("container", "codec", "sample_format"), LOSSLESS)
def test_24_bit_integers_are_decoded_exactly(container: str, codec: str, sample_format: str) -> None:
    samples = steps_of_24_bits()
    data = encoded(samples, RATE, container=container, codec=codec, sample_format=sample_format)
    audio = read_audio(data, max_seconds=1.0)
    assert audio.rate == RATE
    assert np.array_equal(audio.samples, samples[np.newaxis])


@pytest.mark.parametrize(("container", "codec", "sample_format"), LOSSY)
def test_lossy_formats_decode_to_the_same_tone_at_the_same_time(container: str, codec: str, sample_format: str) -> None:
    data = encoded(tone(), RATE, container=container, codec=codec, sample_format=sample_format)
    audio = read_audio(data, max_seconds=2.0)
    received, played = audio.samples[0, 4800:43_200], tone()[4800:43_200]
    assert np.corrcoef(received, played)[0, 1] > 0.99
    assert audio.lossy == {"libmp3lame": "mp3", "libopus": "opus", "aac": "aac"}[codec]


@pytest.mark.parametrize(
    ("bits", "data", "expected"),
    [
        (8, struct.pack("<4B", 0, 64, 128, 255), [-1.0, -0.5, 0.0, 127 / 128]),
        (16, struct.pack("<4h", -32_768, -1, 0, 32_767), [-1.0, -1 / 32_768, 0.0, 32_767 / 32_768]),
        (32, struct.pack("<3i", -(2**31), 0, 2**30), [-1.0, 0.0, 0.5]),
    ],
)
def test_integers_are_divided_by_full_scale(bits: int, data: bytes, expected: list[float]) -> None:
    audio = read_audio(riff(wav_format(bits=bits), (b"data", data)), max_seconds=1.0)
    assert audio.samples.tolist() == [expected]


def test_channels_are_not_mixed() -> None:
    data = riff(wav_format(channels=2), (b"data", struct.pack("<4h", 1, -1, 2, -2)))
    assert (read_audio(data, max_seconds=1.0).samples * 32_768).tolist() == [[1.0, 2.0], [-1.0, -2.0]]


def test_float_wav_round_trip_is_exact_beyond_full_scale(tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).standard_normal((2, 1000)) * 10).astype(np.float32)
    write_wav(tmp_path / "a.wav", samples, 44_100)
    audio = read_audio(tmp_path / "a.wav", max_seconds=1.0)
    assert audio.rate == 44_100
    assert np.array_equal(audio.samples, samples)


def test_flac_rounds_to_the_nearest_24_bit_step(tmp_path: Path) -> None:
    step = 2.0**-23
    samples = np.array([0.4, 0.6, 0.5, 1.5, -0.5, -1.5]) * step
    write_flac(tmp_path / "a.flac", samples, RATE)
    read = read_audio(tmp_path / "a.flac", max_seconds=1.0).samples[0]
    assert (read / step).tolist() == [0.0, 1.0, 0.0, 2.0, 0.0, -2.0]


def test_flac_holds_both_ends_of_full_scale(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", np.array([[1.0, 0.0], [-1.0, 0.5]]), RATE)
    audio = read_audio(tmp_path / "a.flac", max_seconds=1.0)
    assert audio.samples.tolist() == [[1 - 2**-23, 0.0], [-1.0, 0.5]]
    assert audio.lossy == ""


@pytest.mark.parametrize("write", [write_wav, write_flac])
def test_bytes_depend_on_the_samples_alone(
    tmp_path: Path, write: Callable[[Path, NDArray[np.float32], int], None]
) -> None:
    for name in ("first", "second"):
        write(tmp_path / name, tone(3.0), RATE)
    data = (tmp_path / "first").read_bytes()
    assert data == (tmp_path / "second").read_bytes()
    assert b"Lavf" not in data
    assert b"Lavc" not in data


def test_float_wav_is_read_by_another_reader(tmp_path: Path) -> None:
    samples = (np.random.default_rng(0).standard_normal((2, 1000)) * 10).astype(np.float32)
    write_wav(tmp_path / "a.wav", samples, 44_100)
    rate, frames = wavfile.read(tmp_path / "a.wav")
    assert rate == 44_100
    assert np.array_equal(frames, samples.T)


@pytest.mark.parametrize("write", [write_wav, write_flac])
@pytest.mark.parametrize("samples", [[np.nan], [np.inf], [], [[0.0], [0.0], [0.0]]])
def test_a_rejected_write_leaves_only_the_old_file(
    tmp_path: Path, write: Callable[[Path, NDArray[np.float64], int], None], samples: list[float]
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"before")
    with pytest.raises(AudioError):
        write(target, np.array(samples), RATE)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_flac_rejects_samples_beyond_full_scale(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        write_flac(tmp_path / "a.flac", np.array([1.0001]), RATE)
    assert caught.value.code == "clipped"


@pytest.mark.parametrize(("container", "codec", "sample_format"), LOSSLESS + LOSSY)
@pytest.mark.parametrize("kept", [0.4, 0.8])
def test_a_truncated_file_is_rejected(container: str, codec: str, sample_format: str, kept: float) -> None:
    data = encoded(tone(2.0), RATE, container=container, codec=codec, sample_format=sample_format)
    assert refusal(data[: int(kept * len(data))]) == "truncated"


def test_a_streamed_wav_of_unknown_length_is_read_to_its_end() -> None:
    whole = riff(wav_format(), (b"data", bytes(2000)))
    streamed = whole.replace(struct.pack("<I", 2000), b"\xff\xff\xff\xff")
    assert read_audio(streamed, max_seconds=1.0).samples.shape == (1, 1000)


@pytest.mark.parametrize(("declared", "expected"), [(2000, None), (4002, "truncated")])
def test_the_length_of_rf64_is_read_from_its_chunk(declared: int, expected: str | None) -> None:
    sizes = struct.pack("<QQQI", 0, declared, declared // 2, 0)
    data = riff((b"ds64", sizes), wav_format(), (b"data", bytes(2000)), kind=b"RF64")
    data = data.replace(b"data" + struct.pack("<I", 2000), b"data\xff\xff\xff\xff")
    if expected:
        assert refusal(data) == expected
    else:
        assert read_audio(data, max_seconds=1.0).samples.shape == (1, 1000)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"This is a text file named riff.wav.\n", "not_audio"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nfile:///etc/passwd\n", "not_audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not_audio"),
        (b"RIFF\x00\x00\x00\x00WAVE", "not_audio"),
        (b"fLaC" + bytes(100), "not_audio"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(1000), "not_audio"),
        (b"OggS" + bytes(100), "truncated"),
        (riff(wav_format(), (b"data", b"")), "empty"),
        (riff(wav_format(code=0x1234), (b"data", bytes(100))), "not_audio"),
        (riff(wav_format(rate=7_999), (b"data", bytes(100))), "unsupported_rate"),
        (riff(wav_format(rate=192_001), (b"data", bytes(100))), "unsupported_rate"),
        (riff(wav_format(rate=2**31 - 1), (b"data", bytes(100))), "unsupported_rate"),
        (riff(wav_format(channels=3), (b"data", bytes(96))), "too_many_channels"),
        (riff(wav_format(code=3, bits=32), (b"data", struct.pack("<2f", 0, np.nan))), "not_finite"),
        (riff(wav_format(code=3, bits=32), (b"data", struct.pack("<2f", 0, np.inf))), "not_finite"),
        (riff(wav_format(code=3, bits=64), (b"data", struct.pack("<2d", 0, 1e300))), "not_finite"),
    ],
)
def test_unusable_audio_has_an_error_code(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize(("container", "codec", "sample_format"), LOSSLESS + LOSSY)
def test_a_file_longer_than_the_limit_is_rejected(container: str, codec: str, sample_format: str) -> None:
    data = encoded(tone(2.0), RATE, container=container, codec=codec, sample_format=sample_format)
    assert refusal(data, max_seconds=1.5) == "too_long"


def test_the_limit_applies_if_the_header_declares_no_length() -> None:
    data = bytearray(encoded(tone(2.0), RATE, container="flac", codec="flac", sample_format="s32"))
    # STREAMINFO's 36-bit sample count (RFC 9639, 8.2): its low 32 bits; 96,000 needs no more.
    assert struct.unpack(">I", data[22:26]) == (96_000,)
    data[22:26] = bytes(4)
    assert refusal(bytes(data), max_seconds=1.5) == "too_long"


def test_audio_exactly_as_long_as_the_limit_is_read() -> None:
    data = riff(wav_format(), (b"data", bytes(2 * RATE)))
    assert read_audio(data, max_seconds=1.0).samples.shape == (1, RATE)


def test_an_mp3_without_a_length_header_is_read() -> None:
    data = encoded(tone(2.0), RATE, container="mp3", codec="libmp3lame", sample_format="fltp")
    info = data.index(b"Info")
    frames = data[data.index(b"\xff\xfb", info) :]
    assert read_audio(frames, max_seconds=3.0).samples.shape[1] >= 2 * RATE


def test_broken_metadata_does_not_stop_a_file_from_being_read() -> None:
    title = b"INFOINAM" + struct.pack("<I", 4) + b"\xff\xfe\xc3\x28"
    data = riff(wav_format(), (b"LIST", title), (b"data", bytes(2000)))
    assert read_audio(data, max_seconds=1.0).samples.shape == (1, 1000)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_audio(tmp_path / "none.wav", max_seconds=1.0)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([[0.5, -0.5]], [0.5, -0.5]),
        ([[0.5, -0.5], [0.5, -0.5]], [0.5, -0.5]),
        ([[0.0, 0.0], [0.5, -0.5]], [0.5, -0.5]),
        ([[0.5, -0.5], [0.0, 0.0]], [0.5, -0.5]),
        ([[0.5, -0.5], [0.25, 0.0]], [0.375, -0.25]),
        ([[0.5, -0.5], [0.001, -0.004]], [0.5, -0.5]),  # 45 dB below: an open input's noise
        ([[0.5, -0.5], [0.015625, 0.0]], [0.2578125, -0.25]),  # 33 dB below
        ([[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]),
    ],
)
def test_mono_keeps_a_lone_channel_and_averages_different_ones(
    channels: list[list[float]], expected: list[float]
) -> None:
    folded = mono(Audio(np.array(channels, dtype=np.float32), RATE))
    assert folded.dtype == np.float32
    assert folded.tolist() == expected


def test_a_wav_with_a_false_bit_rate_is_read_in_large_blocks() -> None:
    name, fields = wav_format()
    slow = fields[:8] + struct.pack("<I", 1) + fields[12:]
    data = riff((name, slow), (b"data", bytes(2 * RATE * 60)))
    assert read_audio(data, max_seconds=60.0).samples.shape == (1, RATE * 60)


@pytest.mark.parametrize(("container", "codec", "sample_format"), LOSSLESS + LOSSY)
def test_a_damaged_file_gives_finite_samples_or_an_audio_error(container: str, codec: str, sample_format: str) -> None:
    whole = encoded(tone(0.5), RATE, container=container, codec=codec, sample_format=sample_format)
    random = np.random.default_rng(1)
    refused = 0
    for attempt in range(80):
        damaged = bytearray(whole)
        reach = min(len(whole), 300 if attempt % 2 else len(whole))
        for offset in random.integers(0, reach, 1 + attempt % 10):
            damaged[offset] = random.integers(0, 256)
        try:
            audio = read_audio(bytes(damaged), max_seconds=1.0)
        except AudioError:
            refused += 1
        else:
            assert np.isfinite(audio.samples).all()
            assert audio.samples.shape[1] <= audio.rate
    assert refused
