"""Data of events that a worker and `shootout render --json` report."""

from typing import Any

import msgspec

from tone_shootout.precision import rounded
from tone_shootout.rendering.executor.reporter import SegmentStatus
from tone_shootout.rendering.executor.tasks import Measured


def progress_data(done: float, total: float, eta_s: float | None) -> dict[str, Any]:
    """Return the data of a `progress` event; `total` is not 0."""
    return {
        "percent": round(100.0 * done / total, 2),
        "done": round(done, 2),
        "total": round(total, 2),
        "eta_s": None if eta_s is None else round(eta_s, 1),
    }


def segment_data(position: int, status: SegmentStatus, measured: Measured | None) -> dict[str, Any]:
    """Return the data of a `segment` event."""
    data: dict[str, Any] = {"position": position, "status": status}
    return data if measured is None else {**data, "measured": rounded(msgspec.to_builtins(measured))}
