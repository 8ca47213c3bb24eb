"""The figures of a result as CSV tables (RFC 4180), one fact in each row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from tone_shootout.audio.constants import BANDS_HZ
from tone_shootout.precision import rounded
from tone_shootout.rendering.output.manifest import Manifest, SegmentRecord

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
_BANDS_HZ: Final = tuple(round(float(frequency), 1) for frequency in BANDS_HZ)


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def tables(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield name and content of each table: `segments`, `third_octaves`, `pairs`, `differences`, `drive`.

    Names have the units of the manifest, and `docs/measures.md` defines them. A table without rows is left out.
    """
    for name, columns, rows in (
        ("segments", *_segments(manifest)),
        ("third_octaves", ("position", "di_track", "chain", "frequency_hz", "level_db"), _third_octaves(manifest)),
        ("pairs", *_pairs(manifest)),
        ("differences", ("reference", "position", "frequency_hz", "difference_db"), _differences(manifest)),
        ("drive", ("capture", "size", "input_dbfs", "output_dbfs", *_HARMONICS), _drive(manifest)),
    ):
        if rows:
            yield f"{name}.csv", to_csv(columns, rows)


_HARMONICS: Final = ("harmonic_2_db", "harmonic_3_db", "harmonic_4_db", "harmonic_5_db")
_SEGMENT_FIELDS: Final = (
    "position",
    "di_track",
    "chain",
    "file",
    "sha256",
    "sample_rate_hz",
    "samples",
    "loudness_before_lufs",
    "true_peak_before_dbtp",
    "gain_db",
    "trim_db",
    "drive_db",
)


def _segments(manifest: Manifest) -> tuple[tuple[str, ...], list[Sequence[Any]]]:
    rows = [_flat(segment) for segment in manifest.segments]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return columns, [[row.get(name) for name in columns] for row in rows]


def _flat(segment: SegmentRecord) -> dict[str, Any]:
    found = rounded(msgspec.to_builtins(segment))
    latency, metrics = found["latency"] or {}, dict(found["metrics"] or {})
    metrics.pop("third_octaves_db", None)
    return {
        **{name: found[name] for name in _SEGMENT_FIELDS},
        **found["measured"],
        "latency_samples": latency.get("samples"),
        "polarity": latency.get("polarity"),
        **metrics,
    }


def _third_octaves(manifest: Manifest) -> list[Sequence[Any]]:
    return [
        (segment.position, segment.di_track, segment.chain, frequency, round(level, 2))
        for segment in manifest.segments
        if segment.metrics
        for frequency, level in zip(_BANDS_HZ, segment.metrics.third_octaves_db, strict=True)
    ]


def _pairs(manifest: Manifest) -> tuple[tuple[str, ...], list[Sequence[Any]]]:
    segments = {segment.position: segment for segment in manifest.segments}
    rows = []
    for pair in manifest.comparisons:
        found = rounded(msgspec.to_builtins(pair))
        found.pop("third_octaves_db")
        reference, other = segments[pair.reference], segments[pair.position]
        rows.append({"di_track": other.di_track, "reference_chain": reference.chain, "chain": other.chain, **found})
    columns = tuple(rows[0]) if rows else ()
    return columns, [list(row.values()) for row in rows]


def _differences(manifest: Manifest) -> list[Sequence[Any]]:
    return [
        (pair.reference, pair.position, frequency, round(level, 2))
        for pair in manifest.comparisons
        for frequency, level in zip(_BANDS_HZ, pair.third_octaves_db, strict=True)
    ]


def _drive(manifest: Manifest) -> list[Sequence[Any]]:
    return [
        (
            capture.name,
            capture.size,
            round(point.input_dbfs, 2),
            round(point.output_dbfs, 2),
            *(round(level, 2) for level in point.harmonics_db),
        )
        for capture in manifest.captures
        if capture.behavior
        for point in capture.behavior.drive
    ]


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell
