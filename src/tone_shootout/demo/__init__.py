"""Audio material of the demo: a dry guitar, captures of a simulated amplifier and two cab IRs, made by the project."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tone_shootout.audio.files import write_wav
from tone_shootout.demo.cabinets import CLOSED_4X12, OPEN_1X12, impulse_response
from tone_shootout.demo.riff import riff
from tone_shootout.demo.strings import RATE

__all__ = ["Material", "Piece", "write_material"]

CAPTURES = {"Clean": "clean.nam", "Crunch": "crunch.nam", "High gain": "high-gain.nam"}
CABINETS = {"Open 1x12": OPEN_1X12, "Closed 4x12": CLOSED_4X12}


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the demo and its display name."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All files of the demo, by their role in a shootout."""

    di_tracks: tuple[Piece, ...]
    captures: tuple[Piece, ...]
    cab_irs: tuple[Piece, ...]


def write_material(folder: Path) -> Material:
    """Write the DI track, captures and cab IRs of the demo, the same bytes on every call.

    The DI track and the cab IRs are computed, and written as mono 32-bit float WAV at 48 kHz; the captures are bundled
    with the package.

    Args:
        folder: folder to write to; created if missing.

    Returns:
        Names and paths of the written files.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    di_track = Piece("Riff in E", folder / "riff.wav")
    write_wav(di_track.path, riff(), RATE)
    captures = tuple(Piece(name, folder / file) for name, file in CAPTURES.items())
    for capture in captures:
        capture.path.write_bytes(bundled_capture(capture.path.name))
    cab_irs = []
    for name, cabinet in CABINETS.items():
        piece = Piece(name, folder / f"{name.lower().replace(' ', '-')}.wav")
        write_wav(piece.path, impulse_response(cabinet), RATE)
        cab_irs.append(piece)
    return Material(di_tracks=(di_track,), captures=captures, cab_irs=tuple(cab_irs))


def bundled_capture(file: str) -> bytes:
    """Return the content of a capture bundled with the package, such as `clean.nam`."""
    return files(__name__).joinpath("material", file).read_bytes()
