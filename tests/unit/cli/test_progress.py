"""Progress of a rendering: events as JSON, a bar on a terminal, nothing."""

import json
import re
import threading

import pytest

from tests.support.shared import PROJECT
from tone_shootout.cli._events import PROGRESS_S, EventReporter
from tone_shootout.cli._progress import progress
from tone_shootout.jobs.event_data import segment_data
from tone_shootout.rendering.errors import Cancelled
from tone_shootout.rendering.executor.tasks import Measured


def test_progress_events_come_at_intervals_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    reporter = EventReporter(threading.Event(), clock=lambda: now)
    for step in range(9):
        now = step * PROGRESS_S / 4
        reporter.progress(float(step), 8.0)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["type"] for event in events] == ["progress"] * 3
    assert [event["data"]["percent"] for event in events] == [0.0, 50.0, 100.0]
    assert events[-1]["data"]["eta_s"] == 0.0


def test_a_plan_without_cost_has_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    EventReporter(threading.Event()).progress(0.0, 0.0)
    assert capsys.readouterr().out == ""


def test_levels_of_segments_have_the_precision_of_a_jobs_events(capsys: pytest.CaptureFixture[str]) -> None:
    measured = Measured(**dict.fromkeys(Measured.__struct_fields__, -16.123456789))
    EventReporter(threading.Event()).segment(1, "leveled", measured)
    data = json.loads(capsys.readouterr().out)["data"]
    assert data == segment_data(1, "leveled", measured)
    assert (data["measured"]["integrated_lufs"], data["measured"]["dc_offset"]) == (-16.12, -16.1235)


@pytest.mark.parametrize("style", ["text", "json", "quiet"])
def test_every_style_can_be_stopped(style: str) -> None:
    stopped = threading.Event()
    with progress(stopped, style) as reporter:  # type: ignore[arg-type]
        reporter.check()
        stopped.set()
        with pytest.raises(Cancelled):
            reporter.check()


def test_quiet_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(threading.Event(), "quiet") as reporter:
        reporter.phase("render")
        reporter.progress(1.0, 2.0)
        reporter.segment(1, "rendered", None)
        reporter.file("manifest.json")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_with_percent_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress(threading.Event()) as reporter:
        reporter.phase("level")
        reporter.progress(1.0, 2.0)
    shown = capsys.readouterr().err
    assert "Matching levels" in shown
    assert "50%" in shown
    assert "-:--:--" in shown  # the time left, not known yet


def test_the_types_of_events_are_documented() -> None:
    sources = [PROJECT / "src/tone_shootout/cli" / name for name in ("_events.py", "render.py")]
    written = {name for path in sources for name in re.findall(r'write_event\("(\w+)"', path.read_text())}
    guide = (PROJECT / "docs" / "command-line.md").read_text().partition("## Events")[2]
    assert set(re.findall(r"^\| `(\w+)`", guide, re.MULTILINE)) == written
