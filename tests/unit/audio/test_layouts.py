"""Uncompressed audio is decoded like by libsndfile, and files with a wrong length in their header are read."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]  # it has no types of its own
from numpy.typing import NDArray

from tests.support.ffmpeg import encoded
from tests.support.shared import shared_folder
from tone_shootout.audio.files import Audio, AudioError, read_audio

RATE = 48_000
FRAMES = 1_001
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
INTEGERS = ("PCM_16", "PCM_24", "PCM_32")
FLOATS = ("FLOAT", "DOUBLE")
G711 = ("ULAW", "ALAW")
LAYOUTS = [
    *(("WAV", kind, "FILE") for kind in ("PCM_U8", *INTEGERS, *FLOATS, *G711)),
    *(("WAV", kind, "BIG") for kind in ("PCM_U8", *INTEGERS, *FLOATS)),
    *(("WAVEX", kind, "FILE") for kind in ("PCM_U8", *INTEGERS, *FLOATS, *G711)),
    *(("RF64", kind, "FILE") for kind in ("PCM_U8", *INTEGERS, *FLOATS)),
    *(("W64", kind, "FILE") for kind in ("PCM_U8", *INTEGERS, *FLOATS, *G711)),
    *(("AIFF", kind, "FILE") for kind in ("PCM_S8", "PCM_U8", *INTEGERS, *FLOATS, *G711)),
    *(("AIFF", kind, "LITTLE") for kind in INTEGERS),
    *(("CAF", kind, end) for kind in ("PCM_S8", *INTEGERS, *FLOATS, *G711) for end in ("BIG", "LITTLE")),
    *(("CAF", kind, "FILE") for kind in ("ALAC_16", "ALAC_24")),
]


def noise(channels: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(channels).uniform(-0.9, 0.9, (FRAMES, channels))


def written(container: str, subtype: str, endian: str = "FILE", *, channels: int = 1, rate: int = RATE) -> bytes:
    """Write noise with libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, noise(channels), rate, format=container, subtype=subtype, endian=endian)
    return file.getvalue()


def oracle(data: bytes) -> NDArray[np.float32]:
    """Read a file with libsndfile: samples of shape (channels, T)."""
    samples, _ = soundfile.read(io.BytesIO(data), always_2d=True, dtype="float64")
    return np.ascontiguousarray(samples.T, dtype=np.float32)


def extensible(
    valid: int, container: int, *, channels: int = 1, tag: int = 1, bits: int | None = None, data: bytes | None = None
) -> bytes:
    """A WAVE_FORMAT_EXTENSIBLE file of noise whose valid bits are left-aligned in their containers."""
    width = container // 8
    body = np.random.default_rng(valid).integers(0, 256, (FRAMES * channels, width), dtype=np.uint8)
    body[:, : width - (valid + 7) // 8] = 0
    block = channels * width
    fields = (0xFFFE, channels, RATE, RATE * block, block, bits or container, 22, valid, 0, tag)
    form = struct.pack("<HHIIHHHHIH", *fields) + SUBFORMAT
    return wave((b"fmt ", form), (b"data", body.tobytes() if data is None else data))


def wave(*chunks: tuple[bytes, bytes], kind: bytes = b"RIFF") -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return kind + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def plain(data: bytes, *, channels: int = 1, bits: int = 16, tag: int = 1) -> bytes:
    block = channels * bits // 8
    return wave((b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits)), (b"data", data))


def tagged(size: int = 100, *, flags: int = 0, version: int = 3, plain_size: bool = False) -> bytes:
    """An ID3v2 tag with a body of that many bytes, and a footer if its flags declare one."""
    sizes = size.to_bytes(4, "big") if plain_size else bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    header = bytes([version, 0, flags]) + sizes
    return b"ID3" + header + b"TIT2".ljust(size, b"\0") + (b"3DI" + header if flags & 0x10 else b"")


def read(data: bytes | Path, *, max_channels: int = 2) -> Audio:
    return read_audio(data, max_seconds=60.0, max_channels=max_channels)


def codes(audio: Audio) -> list[str]:
    return [notice.code for notice in audio.notices]


def refused(data: bytes) -> AudioError:
    with pytest.raises(AudioError) as caught:
        read(data)
    assert "\n" not in caught.value.detail
    return caught.value


SAMPLES = np.random.default_rng(7).integers(-32_768, 32_768, FRAMES).astype("<i2")
PLAIN = plain(SAMPLES.tobytes())
EXPECTED = (SAMPLES / 32_768).astype(np.float32)[np.newaxis]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("container", "subtype", "endian"), LAYOUTS)
def test_each_layout_is_read_as_libsndfile_reads_it(container: str, subtype: str, endian: str, channels: int) -> None:
    if subtype.startswith("ALAC"):
        channels = 1  # libsndfile's own stereo encoder does not give back what it was given
    data = written(container, subtype, endian, channels=channels, rate=44_100)
    audio = read(data)
    assert audio.rate == 44_100
    assert np.array_equal(audio.samples, oracle(data))
    assert not audio.notices


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("valid", "container"),
    [(16, 32), (8, 16), (24, 32), (16, 24), (20, 32), (20, 24), (12, 16), (8, 24), (8, 32), (1, 16), (0, 24), (24, 24)],
)
def test_valid_bits_are_read_by_the_size_of_their_container(valid: int, container: int, channels: int) -> None:
    data = extensible(valid, container, channels=channels)
    audio = read(data)
    assert audio.samples.shape == (channels, FRAMES)
    assert np.array_equal(audio.samples, oracle(data))
    assert audio.bits == (valid or container)
    assert audio.padded == (0 < valid <= container - 8)


def test_valid_bits_of_floating_point_do_not_count() -> None:
    data = extensible(24, 32, tag=3, data=noise().astype("<f4").tobytes())
    assert np.array_equal(read(data).samples, oracle(data))


def test_block_size_and_byte_rate_determine_the_container() -> None:
    # Recorders of WASAPI's 24 in 32 bits write 24 where 32 belongs; libsndfile reads noise of another length.
    whole, mistaken = extensible(24, 32), extensible(24, 32, bits=24)
    assert np.array_equal(read(mistaken).samples, read(whole).samples)


@pytest.mark.parametrize("name", ["valid16in32", "ext24in32"])
def test_a_w64_header_with_valid_bits_is_read_by_the_same_rule(name: str) -> None:
    valid = 16 if name == "valid16in32" else 24
    riff = extensible(valid, 32)
    form, body = riff[20:60], riff[68:]
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    chunks = b"fmt " + tail + struct.pack("<Q", 24 + len(form)) + form + b"data" + tail
    chunks += struct.pack("<Q", 24 + len(body)) + body
    head = bytes.fromhex("726966662e91cf11a5d628db04c10000") + struct.pack("<Q", 40 + len(chunks)) + b"wave" + tail
    assert np.array_equal(read(head + chunks).samples, read(riff).samples)


def test_caf_with_a_container_larger_than_its_bits_is_read_by_the_container() -> None:
    body = (np.arange(-500, 501) << 16).astype(">i4").tobytes()
    form = struct.pack(">d4sIIIII", 48_000.0, b"lpcm", 0, 4, 1, 1, 24)
    data = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", 32) + form
    data += b"data" + struct.pack(">qI", 4 + len(body), 0) + body
    assert read(data).samples[0].tolist() == [n / 32_768 for n in range(-500, 501)]


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"LIST", b"INFOINAM\4\0\0\0riff")],
        [(b"JUNK", bytes(28)), (b"bext", bytes(602))],
        [(b"odd ", bytes(3)), (b"iXML", b"<x/>")],
    ],
    ids=["a list", "JUNK and bext", "odd length"],
)
@pytest.mark.parametrize("behind", [False, True])
def test_other_chunks_are_skipped(chunks: list[tuple[bytes, bytes]], behind: bool) -> None:
    sound = [(b"fmt ", PLAIN[20:36]), (b"data", SAMPLES.tobytes())]
    audio = read(wave(*sound, *chunks) if behind else wave(*chunks, *sound))
    assert np.array_equal(audio.samples, EXPECTED)
    assert not audio.notices


REPORTED = {
    "a fact chunk (NeuralAmpModelerPlugin 219)": wave(
        (b"fmt ", PLAIN[20:36]), (b"fact", struct.pack("<I", FRAMES)), (b"data", SAMPLES.tobytes())
    ),
    "a LIST of zeros (libsndfile 370, 542)": wave(
        (b"fmt ", PLAIN[20:36]), (b"LIST", bytes(393_164)), (b"data", SAMPLES.tobytes())
    ),
    "an oversized format chunk (wavefile 37)": wave(
        (b"fmt ", extensible(16, 16)[20:60] + bytes(8)), (b"data", SAMPLES.tobytes())
    ),
    "a byte rate of its own (Node-WAV-File-Info 12)": wave(
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 25_856, 2, 16)), (b"data", SAMPLES.tobytes())
    ),
    "a pad byte that is not zero (BWFMetaEdit 155)": (
        wave((b"fmt ", PLAIN[20:36])) + b"bext\x03\0\0\0abcQ" + PLAIN[36:]
    ),
    "a RIFF size that is not true (libsndfile 370)": PLAIN[:4] + struct.pack("<I", 31_239_256) + PLAIN[8:],
    "a block of two channels for one": wave(
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 4 * RATE, 4, 16)), (b"data", SAMPLES.tobytes())
    ),
    "bytes behind the sound": PLAIN + b"\x01\xd6\xac\x60 and more",
}


@pytest.mark.parametrize("data", REPORTED.values(), ids=REPORTED)
def test_files_that_other_readers_reject_are_read_exactly(data: bytes) -> None:
    audio = read(data)
    assert np.array_equal(audio.samples, EXPECTED)
    assert not audio.notices


def test_a_caf_with_a_large_free_chunk_and_chunks_after_its_samples_is_read() -> None:
    # Reported as libsndfile 50 and 191, and pure-data 855 (a description of 44 bytes).
    form = struct.pack(">d4sIIIII", float(RATE), b"lpcm", 2, 2, 1, 1, 16)
    chunks = [(b"desc", form + bytes(12)), (b"free", bytes(24_496)), (b"data", bytes(4) + SAMPLES.tobytes())]
    chunks.append((b"info", b"\0\0\0\1name\0riff\0"))
    data = b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(body)) + body for name, body in chunks)
    audio = read(data)
    assert np.array_equal(audio.samples, EXPECTED)
    assert not audio.notices


def test_an_aiff_whose_samples_precede_their_description_is_read() -> None:  # reported as dr_libs 265
    whole = written("AIFF", "PCM_24")
    at = whole.index(b"COMM")
    description = whole[at : at + 26]
    sound = whole[whole.index(b"SSND") :]
    moved = b"FORM" + struct.pack(">I", 4 + 26 + len(sound)) + b"AIFF" + b"COMT\0\0\0\0" + sound
    moved += b"\0" * (len(moved) % 2) + description
    assert np.array_equal(read(moved).samples, oracle(whole))


DAMAGED = [("W64", "PCM_16"), ("CAF", "PCM_24"), ("CAF", "ALAC_16"), ("AIFF", "FLOAT")]


@pytest.mark.parametrize(("container", "subtype"), DAMAGED)
def test_a_damaged_header_gives_finite_samples_or_an_audio_error(container: str, subtype: str) -> None:
    whole = written(container, subtype)
    random = np.random.default_rng(1)
    refused_ones = 0
    for attempt in range(80):
        damaged = bytearray(whole)
        for offset in random.integers(0, 200 if attempt % 2 else len(whole), 1 + attempt % 10):
            damaged[offset] = random.integers(0, 256)
        try:
            audio = read_audio(bytes(damaged), max_seconds=1.0)
        except AudioError:
            refused_ones += 1
        else:
            assert np.isfinite(audio.samples).all()
            assert audio.samples.shape[1] <= audio.rate
    assert refused_ones


def test_an_odd_chunk_without_its_pad_byte_is_skipped() -> None:
    unpadded = b"odd " + struct.pack("<I", 3) + bytes(3)
    assert np.array_equal(read(PLAIN[:12] + unpadded + PLAIN[12:]).samples, EXPECTED)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDB, 0xFFFFFFFF])
@pytest.mark.parametrize("tail", [b"", b"TAG".ljust(128, b"\0")], ids=["", "ID3v1"])
def test_a_placeholder_length_extends_to_the_end_of_the_file(length: int, tail: bytes) -> None:
    audio = read(PLAIN[:40] + struct.pack("<I", length) + PLAIN[44:] + tail)
    assert np.array_equal(audio.samples, EXPECTED)
    assert codes(audio) == ["unknown_length"]


def test_a_length_of_zero_before_other_chunks_is_empty() -> None:
    data = wave((b"fmt ", PLAIN[20:36]), (b"data", b""), (b"LIST", b"INFO"))
    assert refused(data).code == "empty"


@pytest.mark.parametrize("missing", [1, 2, 3, 8, 44, 256])
def test_a_length_a_few_bytes_too_large_is_read_with_a_notice(missing: int) -> None:
    audio = read(PLAIN[:40] + struct.pack("<I", 2 * FRAMES + missing) + PLAIN[44:])
    assert np.array_equal(audio.samples, EXPECTED)
    assert codes(audio) == ["length_mismatch"]
    assert f"{missing} bytes more" in audio.notices[0].detail


def test_an_incomplete_frame_at_the_end_is_ignored() -> None:
    audio = read(plain(SAMPLES.tobytes()[:-1]))
    assert np.array_equal(audio.samples, EXPECTED[:, :-1])


def test_an_aiff_from_a_pipe_is_read_to_its_end() -> None:
    whole = written("AIFF", "PCM_16")
    at = whole.index(b"SSND") + 4
    for length in (0, 8, 0x7F000008, 0xFFFFFFFF):
        audio = read(whole[:at] + struct.pack(">I", length) + whole[at + 4 :])
        assert np.array_equal(audio.samples, oracle(whole))
        assert codes(audio) == ["unknown_length"]


def test_a_caf_of_unknown_length_is_read_to_its_end() -> None:
    whole = written("CAF", "PCM_16", "LITTLE")
    at = whole.index(b"data") + 4
    audio = read(whole[:at] + struct.pack(">q", -1) + whole[at + 8 :])
    assert np.array_equal(audio.samples, oracle(whole))
    assert codes(audio) == ["unknown_length"]


@pytest.mark.parametrize("container", ["AIFF", "CAF", "W64", "RF64"])
def test_a_truncated_container_is_rejected_but_one_missing_sample_is_accepted(container: str) -> None:
    whole = written(container, "PCM_32")
    assert refused(whole[:-2_000]).code == "truncated"
    audio = read(whole[:-4])
    assert audio.samples.shape == (1, FRAMES - 1)
    assert codes(audio) == ["length_mismatch"]


TAGS = {
    "one": tagged(),
    "with padding": tagged(5_000),
    "with a footer": tagged(version=4, flags=0x10),
    "two": tagged() + tagged(333),
    "zeros behind it": tagged() + bytes(512),
    "a size of eight bits a byte": tagged(300, plain_size=True),
}


@pytest.mark.parametrize("tag", TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("container", ["WAV", "FLAC", "AIFF", "CAF"])
def test_a_leading_id3_tag_is_skipped_with_a_notice(container: str, tag: bytes) -> None:
    whole = written(container, "PCM_16")
    audio = read(tag + whole)
    assert np.array_equal(audio.samples, oracle(whole))
    assert codes(audio) == ["leading_tag"]


def test_an_mp3_with_its_tag_is_still_an_mp3() -> None:
    tone = (0.5 * np.sin(np.arange(RATE) / 20)).astype(np.float32)
    data = encoded(tone, RATE, container="mp3", codec="libmp3lame", sample_format="fltp")
    assert data.startswith(b"ID3")
    assert not read(data).notices


def test_a_flac_with_a_trailing_id3v1_tag_is_read() -> None:
    whole = written("FLAC", "PCM_16")
    assert np.array_equal(read(whole + b"TAG".ljust(128, b"\0")).samples, oracle(whole))


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (plain(bytes(100), tag=2), "not_audio", "Microsoft ADPCM"),
        (plain(bytes(100), tag=0x55), "not_audio", "MP3"),
        (plain(bytes(96), tag=3, bits=16), "not_audio", "floating point of 16 bits"),
        (wave((b"data", bytes(100))), "not_audio", "no description of its samples"),
        (wave((b"fmt ", PLAIN[20:36])), "not_audio", "no samples"),
        (wave((b"fmt ", bytes(16)), (b"data", bytes(100))), "not_audio", "format 0x0000"),
        (plain(bytes(96), channels=3), "too_many_channels", "expected 1 to 2 channels, got 3"),
        (plain(b""), "empty", "no samples"),
        (PLAIN[:1000], "truncated", "shorter than its header"),
    ],
)
def test_errors_describe_an_unsupported_file(data: bytes, code: str, words: str) -> None:
    error = refused(data)
    assert error.code == code
    assert words in error.detail


@pytest.mark.parametrize("channels", [3, 4, 6])
def test_more_channels_are_read_if_they_are_allowed(channels: int) -> None:
    data = written("WAV", "PCM_24", channels=channels)
    assert np.array_equal(read(data, max_channels=6).samples, oracle(data))


@pytest.mark.parametrize("rate", [8_000, 11_025, 47_999, 176_400, 192_000])
def test_unusual_sample_rates_are_read(rate: int) -> None:
    assert read(written("AIFF", "PCM_16", rate=rate)).rate == rate


if shared_folder() is not None:

    @pytest.mark.parametrize("name", ["valid16in32", "ext24in32", "leading_id3", "datasize_7ffff000"])
    def test_the_shared_cases_give_57600_samples_at_their_peak(name: str) -> None:
        folder = shared_folder()
        assert folder is not None
        audio = read(folder / "cases" / f"{name}.wav")
        assert audio.samples.shape == (1, 57_600)
        assert 20 * np.log10(np.abs(audio.samples).max()) == pytest.approx(-10.98, abs=0.01)
