"""Identification of unsupported files by their first bytes, for error messages about recordings and captures.

The signatures are from the specifications of the formats. Nothing is decoded or unpacked.
"""

import re
from typing import Final

SNIFFED_BYTES: Final = 65_536
"""Bytes from the start of a file that `describe` considers."""

CAPTURE: Final = "a Neural Amp Modeler capture"
JSON: Final = "JSON"

_SIGNATURES: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"PK\x03\x04", "a ZIP archive: unpack it and use the file inside"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "gzip data: unpack it and use the file inside"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it and use the file inside"),
    (0, b"Rar!\x1a\x07", "a RAR archive: unpack it and use the file inside"),
    (0, b"BZh", "bzip2 data: unpack it and use the file inside"),
    (0, b"\xfd7zXZ\x00", "xz data: unpack it and use the file inside"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard data: unpack it and use the file inside"),
    (257, b"ustar", "a tar archive: unpack it and use the file inside"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (8, b"AVI ", "an AVI video: export its sound as WAV"),
    (0, b"MThd", "a MIDI file, which holds notes and no sound"),
    (0, b"wvpk", "WavPack audio: convert it to WAV or FLAC"),
    (0, b"MAC ", "Monkey's Audio: convert it to WAV or FLAC"),
    (0, b"DSD ", "DSD audio: convert it to WAV or FLAC"),
    (0, b".snd", "Sun/NeXT audio (AU): convert it to WAV or FLAC"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media audio or video: convert it to WAV or FLAC"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM: export its sound as WAV or FLAC"),
    (0, b"#!AMR", "AMR speech audio: convert it to WAV or FLAC"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"version https://git-lfs", "a Git LFS pointer: fetch the file that it stands for with `git lfs pull`"),
    (0, b"\x00\x05\x16\x07", "the macOS companion of a file (its name begins with `._`): use the file itself"),
    (0, b"bplist", "an Apple property list"),
    (0, b"RIFF", "a RIFF file that holds no WAVE audio"),
)
_HTML: Final = re.compile(rb"<(!doctype\s+html|html|head|body|script|meta|title)\b", re.IGNORECASE)
_XML: Final = re.compile(rb"<\?xml\b")
_BOM: Final = b"\xef\xbb\xbf"
_AUDIO: Final[tuple[tuple[int, bytes, str, str], ...]] = (
    (8, b"WAVE", "a WAV recording", ".wav"),
    (8, b"AIFF", "an AIFF recording", ".aiff"),
    (8, b"AIFC", "an AIFF recording", ".aifc"),
    (0, b"fLaC", "a FLAC recording", ".flac"),
    (0, b"OggS", "an OGG recording", ".ogg"),
    (0, b"caff", "a CAF recording", ".caf"),
    (0, b"riff\x2e\x91\xcf\x11", "a W64 recording", ".w64"),
    (0, b"ID3", "an MP3 recording", ".mp3"),
    (4, b"ftyp", "an M4A or MP4 recording", ".m4a"),
)
SOUND_SUFFIXES: Final = frozenset((*(suffix for *_, suffix in _AUDIO), ".aif", ".wave"))
"""Endings of the names of sound files."""


def describe(head: bytes) -> str | None:
    """Describe the content of a file in words that complete "the file is …".

    Args:
        head: first `SNIFFED_BYTES` of the file, or all of it.

    Returns:
        Description, with advice if there is any; None if the content is not recognized.
    """
    head = head[:SNIFFED_BYTES]
    if not head:
        return "empty"
    if encoding := _wide_text(head):
        return f"text in {encoding}: save it as UTF-8"
    for offset, signature, name, *_ in (*_AUDIO, *_SIGNATURES):
        if head.startswith(signature, offset):
            return name
    if not head.strip(b"\x00"):
        return "nothing but zero bytes, such as an incomplete download"
    text = head.removeprefix(_BOM).lstrip()
    if text.startswith(b"{\\rtf"):
        return "an RTF document"
    if text[:1] in (b"{", b"["):
        return _json(text)
    if text[:1] == b"<":
        return _markup(text)
    return "plain text" if _is_text(text) else None


def sound_suffix(head: bytes) -> str:
    """Return the ending of the name that belongs to a sound file.

    Args:
        head: at least the first 12 bytes of the file.

    Returns:
        One of `SOUND_SUFFIXES`; that of MP3 where no signature fits, because most MP3 files have none.
    """
    return next((suffix for offset, signature, _, suffix in _AUDIO if head.startswith(signature, offset)), ".mp3")


def _json(text: bytes) -> str:
    """Identify a JSON document by keys that are typical of the programs that write it."""
    keys = {key.decode("ascii", "ignore") for key in re.findall(rb'"([A-Za-z_]{1,40})"\s*:', text)}
    if {"architecture", "config"} <= keys or {"architecture", "weights"} <= keys:
        return CAPTURE
    # JSON of RTNeural, as AIDA-X writes it, then of GuitarML, which Proteus, NeuralPi and SmartAmp load.
    if "in_shape" in keys or {"layers", "shape", "weights"} <= keys:
        return "an AIDA-X (RTNeural) model in JSON, not Neural Amp Modeler"
    if "model_data" in keys or "state_dict" in keys:
        return "a Proteus (GuitarML) model in JSON, not Neural Amp Modeler"
    return JSON


def _markup(text: bytes) -> str:
    if _HTML.search(text[:4096]):
        return "an HTML page, such as a site's sign-in or error page: download the file itself"
    return "XML" if _XML.match(text) else "text that looks like markup"


def _wide_text(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if the bytes are text in that encoding, with or without a byte order mark; else None."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return "UTF-16" if _reads_as_text(head[2:514], encoding) else None
    for encoding, first in (("utf-16-le", 0), ("utf-16-be", 1)):
        text, zeros = head[first:64:2], head[1 - first : 64 : 2]
        if len(zeros) >= 4 and not zeros.strip(b"\x00") and text.isascii() and _reads_as_text(head[:512], encoding):
            return "UTF-16"
    return None


def _reads_as_text(data: bytes, encoding: str) -> bool:
    try:
        text = data[: len(data) // 2 * 2].decode(encoding)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(char.isprintable() or char in "\r\n\t\ufeff" for char in text)


def _is_text(data: bytes) -> bool:
    try:
        text = data[:512].decode()
    except UnicodeDecodeError as error:
        if error.start < len(data[:512]) - 3:
            return False
        text = data[: error.start].decode()
    return bool(text) and all(char.isprintable() or char in "\r\n\t" for char in text)
