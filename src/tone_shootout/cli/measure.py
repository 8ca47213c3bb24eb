"""`shootout measure`: loudness, true peak, level and spectrum of audio files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tone_shootout.cli._files import FileReport

# Heading, metric and decimals of each column. JSON has all metrics.
_COLUMNS = (
    ("LUFS", "integrated_lufs", 1),
    ("LRA", "loudness_range_lu", 1),
    ("max M", "max_momentary_lufs", 1),
    ("max S", "max_short_term_lufs", 1),
    ("dBTP", "true_peak_dbtp", 1),
    ("RMS", "rms_dbfs", 1),
    ("crest", "crest_factor_db", 1),
    ("centroid", "centroid_hz", 0),
    ("tilt", "tilt_db_per_octave", 1),
    ("bass", "bass_share", 2),
    ("middle", "middle_share", 2),
    ("treble", "treble_share", 2),
    ("range", "dynamic_range_db", 1),
    ("noise", "noise_floor_dbfs", 1),
    ("notes/s", "transients_per_second", 1),
    ("clipped", "clipped_samples", 0),
    ("seconds", "duration_s", 2),
)


@click.command("measure")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON: a list with an object per file.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Measure loudness (ITU-R BS.1770, EBU R 128), true peak, level and spectrum of audio files.

    Integrated loudness, maximum momentary (M) and short-term (S) loudness in LUFS, loudness range (LRA) in LU, true
    peak in dBTP, RMS in dBFS, crest factor in dB, spectral centroid in Hz, tilt in dB per octave, shares of the power
    below 250 Hz, up to 2 kHz and above, dynamic range in dB, noise floor in dBFS, note onsets per second, clipped
    samples. JSON has all metrics of a manifest: third octaves, attack, sustain and others.
    """
    from tone_shootout.cli._files import report_files

    report_files(files, _measure, as_json=as_json, table=_table)


def _measure(path: Path) -> "FileReport":
    from dataclasses import asdict

    import msgspec

    from tone_shootout.audio.files import mono, read_audio
    from tone_shootout.audio.loudness import measure
    from tone_shootout.audio.spectrum import spectrum
    from tone_shootout.audio.temporal import temporal_features
    from tone_shootout.cli._files import print_notices
    from tone_shootout.rendering.engine.sources import LONGEST_SECONDS

    audio = read_audio(path, max_seconds=LONGEST_SECONDS)
    print_notices(path, audio.notices)
    mixed = mono(audio)
    levels = asdict(measure(audio.samples, audio.rate))
    levels["duration_s"] = levels.pop("seconds")
    return {
        "channels": len(audio.samples),
        "sample_rate_hz": audio.rate,
        "notices": [msgspec.to_builtins(notice) for notice in audio.notices],
        **levels,
        **asdict(spectrum(mixed, audio.rate)),
        **asdict(temporal_features(mixed, audio.rate)),
    }


def _table(answers: "list[FileReport]") -> str:
    rows = [["", *(heading for heading, _, _ in _COLUMNS)]]
    rows += [[str(found["file"]), *(f"{found[name]:.{digits}f}" for _, name, digits in _COLUMNS)] for found in answers]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
