"""Unsupported files are identified in errors about recordings and captures."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from tests.unit.audio.test_layouts import PLAIN
from tone_shootout.audio.files import AudioError, read_audio
from tone_shootout.audio.nam import NamError, load
from tone_shootout.audio.sniffing import describe

MODEL = json.dumps({"version": "0.5.4", "architecture": "LSTM", "config": {}, "weights": [0.0] * 9})
AIDA_X = {"in_shape": [None, None, 1], "layers": [{"type": "lstm", "shape": [None, None, 16], "weights": [[0.1]]}]}
PROTEUS = {"model_data": {"model": "SimpleRNN", "hidden_size": 40}, "state_dict": {"rec.weight_ih_l0": [[0.1]]}}


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("riff.wav")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


STRANGERS = {
    "zip": (zipped("a.nam", MODEL.encode()), "a ZIP archive"),
    "gzip": (gzip.compress(PLAIN), "gzip data"),
    "tar": (tarred(PLAIN), "a tar archive"),
    "html": (b"<!DOCTYPE html>\n<html><head><title>Sign in</title>", "an HTML page"),
    "html without a doctype": (b"\xef\xbb\xbf\r\n <HTML>\n<BODY>404", "an HTML page"),
    "html behind a comment": (b"<!-- saved from a page -->\n<html>", "an HTML page"),
    "utf-16 with a mark": (MODEL.encode("utf-16"), "text in UTF-16"),
    "utf-16 of the other order": (b"\xfe\xff" + MODEL.encode("utf-16-be"), "text in UTF-16"),
    "utf-16 without a mark": (MODEL.encode("utf-16-le"), "text in UTF-16"),
    "utf-32": (MODEL.encode("utf-32"), "text in UTF-32"),
    "aida-x": (json.dumps(AIDA_X).encode(), "an AIDA-X (RTNeural) model"),
    "aida-x in another order": (json.dumps(dict(reversed(AIDA_X.items())), indent=2).encode(), "an AIDA-X (RTNeural)"),
    "proteus": (json.dumps(PROTEUS).encode(), "a Proteus (GuitarML) model"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"),
    "a companion of macOS": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ", "the macOS companion"),
    "zeros": (bytes(5_000), "nothing but zero bytes"),
    "text": ("Grüße, no JSON at all\n".encode(), "plain text"),
    "midi": (b"MThd\x00\x00\x00\x06\x00\x01", "a MIDI file"),
}


@pytest.mark.parametrize(("data", "words"), STRANGERS.values(), ids=STRANGERS)
def test_an_unsupported_file_is_identified_in_errors_of_both_readers(data: bytes, words: str) -> None:
    with pytest.raises(AudioError) as as_sound:
        read_audio(data, max_seconds=1.0)
    with pytest.raises(NamError) as as_capture:
        load(data)
    assert as_sound.value.code == "not_audio"
    for text in (as_sound.value.detail, str(as_capture.value)):
        assert f"the file is {words}" in text
        assert "\n" not in text


def test_a_capture_is_identified_by_the_audio_reader_and_vice_versa() -> None:
    with pytest.raises(AudioError, match="the file is a Neural Amp Modeler capture"):
        read_audio(MODEL.encode(), max_seconds=1.0)
    with pytest.raises(NamError, match="the file is a WAV recording"):
        load(PLAIN)


def test_a_truncated_capture_is_reported_as_invalid_json_with_its_position() -> None:
    with pytest.raises(NamError, match="expected a JSON document") as caught:
        load(MODEL[:-5].encode())
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("data", [b"\x93NUMPY\x01\x00v\x00", bytes(range(128, 256))])
def test_unknown_bytes_are_not_described(data: bytes) -> None:
    assert describe(data) is None
