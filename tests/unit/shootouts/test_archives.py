"""ZIP archives are read without trust: names, links, passwords, counts and sizes."""

import io
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tone_shootout.shootouts.library.archives import list_entries
from tone_shootout.zip_files import MAX_ENTRIES, ArchiveError, extract


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return tmp_path / "pack.zip"


def _pack(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_files_are_told_apart_by_name_and_folder(packed: Path) -> None:
    _pack(
        packed,
        {
            "gear/": b"",
            "gear/Plexi.NAM": b"a",
            "cabs/deep/er/V30.wav": b"b",
            "DI/riff.flac": b"c",
            "readme.txt": b"d",
            "nested.zip": b"e",
            "__MACOSX/gear/._Plexi.NAM": b"f",
            "gear/.DS_Store": b"g",
            "Thumbs.db": b"h",
        },
    )
    assert [(entry.name, entry.kind, entry.status, entry.code) for entry in list_entries(packed)] == [
        ("gear/Plexi.NAM", "capture", "usable", ""),
        ("cabs/deep/er/V30.wav", "cab_ir", "usable", ""),
        ("DI/riff.flac", "di_track", "usable", ""),
        ("readme.txt", None, "skipped", "unknown_file_type"),
        ("nested.zip", None, "skipped", "unknown_file_type"),
        ("__MACOSX/gear/._Plexi.NAM", None, "skipped", "junk_file"),
        ("gear/.DS_Store", None, "skipped", "junk_file"),
        ("Thumbs.db", None, "skipped", "junk_file"),
    ]


def test_of_a_bundle_only_the_inputs_are_usable(packed: Path) -> None:
    names = ("manifest.json", "segments/01.flac", "inputs/cab_irs/v30.wav", "inputs/di_tracks/riff.wav", "amp.nam")
    _pack(packed, dict.fromkeys(names, b"x"))
    assert [(entry.kind, entry.status, entry.code) for entry in list_entries(packed)] == [
        (None, "skipped", "unknown_file_type"),
        (None, "skipped", "result_file"),
        ("cab_ir", "usable", ""),
        ("di_track", "usable", ""),
        (None, "skipped", "result_file"),
    ]


def test_paths_out_of_the_archive_links_and_passwords_fail(packed: Path) -> None:
    link = zipfile.ZipInfo("link.nam")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("/etc/amp.nam", "a/../../amp.nam", "..\\amp.nam", "C:\\tones\\amp.nam"):
            archive.writestr(zipfile.ZipInfo(name), b"x")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("secret.nam", b"x")
        archive.writestr("bzip2.nam", b"x", zipfile.ZIP_BZIP2)
    data = bytearray(packed.read_bytes())
    at = data.rindex(b"secret.nam") - 46
    data[at + 8] |= 1  # the flag of an encrypted entry in the table of contents
    packed.write_bytes(data)
    found = [(entry.status, entry.code) for entry in list_entries(packed)]
    assert found == [("failed", "unsafe_path")] * 5 + [("failed", "encrypted_file"), ("failed", "invalid_archive")]


def test_content_is_read_up_to_its_limit_whatever_is_stated(packed: Path, tmp_path: Path) -> None:
    _pack(packed, {"bomb.wav": bytes(10_000_000), "small.wav": b"1234"})
    assert packed.stat().st_size < 20_000
    bomb, small = list_entries(packed)
    with (tmp_path / "out").open("wb") as target:
        with pytest.raises(ArchiveError) as caught:
            extract(packed, bomb.info, target, 1_000_000)
        assert (caught.value.code, target.tell()) == ("too_large", 0)
        assert extract(packed, small.info, target, 4) == 4
    assert (tmp_path / "out").read_bytes() == b"1234"
    # The same with a header that states a small size.
    data = packed.read_bytes().replace(struct.pack("<L", 10_000_000), struct.pack("<L", 1000))
    packed.write_bytes(data)
    with (tmp_path / "out").open("wb") as target:
        with pytest.raises(ArchiveError):
            extract(packed, list_entries(packed)[0].info, target, 1_000_000)
        assert target.tell() <= 1_000_000


def test_a_table_of_contents_is_bounded_before_it_is_read(packed: Path) -> None:
    _pack(packed, {f"{number}.nam": b"" for number in range(MAX_ENTRIES)}, zipfile.ZIP_STORED)
    assert len(list_entries(packed)) == MAX_ENTRIES
    _pack(packed, {f"{number}.nam": b"" for number in range(MAX_ENTRIES + 1)}, zipfile.ZIP_STORED)
    with pytest.raises(ArchiveError) as caught:
        list_entries(packed)
    assert caught.value.code == "too_many_files"
    # A directory of 64-bit sizes, which `zipfile` prefers to the one above, is not followed.
    data = packed.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    hidden = data[:end] + b"PK\x06\x07" + bytes(16) + data[end:][:8] + struct.pack("<2H", 1, 1) + data[end:][12:]
    packed.write_bytes(hidden)
    with pytest.raises(ArchiveError) as caught:
        list_entries(packed)
    assert caught.value.code == "too_many_files"


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06", b"PK\x05\x06" + bytes(17)])
def test_other_files_are_no_archives(packed: Path, data: bytes) -> None:
    packed.write_bytes(data)
    with pytest.raises(ArchiveError) as caught:
        list_entries(packed)
    assert caught.value.code == "invalid_archive"


def _sample() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("amp.nam", b"x" * 500)
        archive.writestr("cab.wav", b"y" * 500)
    return file.getvalue()


@given(st.data())
def test_a_damaged_archive_is_an_error_and_nothing_else(data: st.DataObject) -> None:
    damaged = bytearray(_sample())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(damaged)
        file.flush()
        try:
            for entry in list_entries(Path(file.name)):
                if entry.status == "usable":
                    extract(Path(file.name), entry.info, target, 1000)
        except ArchiveError:
            pass
        assert target.tell() <= 2000
