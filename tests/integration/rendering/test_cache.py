"""Nothing is rendered twice, within a run and between runs, and damaged cache entries are ignored."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.render_inputs import RATE, cabinet, nano_capture, plan_in, plucks
from tests.support.shootouts import Log, Memory
from tests.support.specs import blocks, spec
from tone_shootout.audio.files import write_wav
from tone_shootout.rendering.engine.schedule import schedule
from tone_shootout.rendering.executor.store import StoreFolder
from tone_shootout.rendering.media_info import Limits
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.produce import Store, produce

AMPS, CABS = [f"amp-{n}.nam" for n in range(4)], [f"cab-{n}.wav" for n in range(5)]
GRID: list[dict[str, Any]] = [{"name": f"{amp} {cab}", "blocks": blocks(amp, cab)} for amp in AMPS for cab in CABS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "riff.wav", plucks(1.0), RATE)
    for n, amp in enumerate(AMPS):
        (tmp_path / amp).write_bytes(nano_capture(seed=n))
    for n, cab in enumerate(CABS):
        write_wav(tmp_path / cab, cabinet(seed=10 + n), 44_100)
    return tmp_path


def carry_out(
    folder: Path, chains: list[dict[str, Any]], *, store: Store | None, log: Log | None = None, harm: str = ""
) -> Manifest:
    """Plan and render; `harm` names a file that is damaged in between, so that using it fails."""
    planned, paths = plan_in(folder, spec(*chains), limits=Limits(chains=20))
    if harm:
        (folder / harm).write_bytes(b"gone")
    return produce(planned, paths, folder / "out", processes=2, reporter=log or Log(), sound_only=True, store=store)


def inferences(manifest: Manifest) -> int:
    return sum(segment.inferences for segment in manifest.segments)


def hits(manifest: Manifest) -> int:
    return sum(segment.cache_hit for segment in manifest.segments)


def test_a_grid_runs_each_capture_once_and_a_repetition_runs_none(folder: Path) -> None:
    store = StoreFolder(folder / "cache")
    without = carry_out(folder, GRID, store=None)
    cold = carry_out(folder, GRID, store=store)
    warm = carry_out(folder, GRID, store=store, harm=AMPS[0])
    assert [(inferences(made), hits(made)) for made in (without, cold, warm)] == [(4, 0), (4, 0), (0, 20)]
    assert without.files == cold.files == warm.files
    behind_captures, segments, measures, leveled = 4, 20, 20, 20
    assert len(list((folder / "cache").iterdir())) == behind_captures + segments + measures + leveled


def test_another_cab_runs_no_capture(folder: Path) -> None:
    """The capture is missing: only its cached output is available."""
    store, log = StoreFolder(folder / "cache"), Log()
    carry_out(folder, GRID[:1], store=store)
    made = carry_out(folder, GRID[:2], store=store, log=log, harm=AMPS[0])
    assert [(segment.cache_hit, segment.inferences) for segment in made.segments] == [(True, 0), (False, 0)]
    assert {position: status for position, status in log.segments if status != "leveled"} == {
        1: "cached",
        2: "rendered",
    }


def test_changing_one_chain_of_eight_renders_one_and_renaming_none(folder: Path) -> None:
    store = StoreFolder(folder / "cache")
    carry_out(folder, GRID[:8], store=store)
    changed = {**GRID[7], "blocks": [{**GRID[7]["blocks"][0], "input_gain_db": -3.0}, GRID[7]["blocks"][1]]}
    log = Log()
    made = carry_out(folder, [*GRID[:7], changed], store=store, log=log)
    assert (inferences(made), hits(made)) == (1, 7)
    assert [position for position, status in log.segments if status == "rendered"] == [8]
    renamed = [{**chain, "name": f"No. {n}", "trim_db": -1.0} for n, chain in enumerate(GRID[:8])]
    made = carry_out(folder, renamed, store=store, harm=AMPS[1])
    assert (inferences(made), hits(made)) == (0, 8)


def test_damaged_entries_are_rendered_again(folder: Path) -> None:
    store = StoreFolder(folder / "cache")
    whole = carry_out(folder, GRID[:6], store=store)
    for path in (folder / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    again = carry_out(folder, GRID[:6], store=store)
    assert (inferences(again), hits(again)) == (2, 0)
    assert again.files == whole.files


def test_a_cache_that_is_too_small_gives_the_same_result(folder: Path) -> None:
    whole = carry_out(folder, GRID[:6], store=None)
    store = StoreFolder(folder / "cache", max_bytes=500_000)
    for _ in range(2):
        assert carry_out(folder, GRID[:6], store=store).files == whole.files
        assert sum(path.stat().st_size for path in (folder / "cache").iterdir()) <= 500_000


def test_progress_counts_only_what_has_to_be_done(folder: Path) -> None:
    store, totals = Memory(), []
    for chains in (GRID[:2], GRID[:2], GRID[:3]):
        log = Log()
        carry_out(folder, chains, store=store, log=log)
        done, total = log.shares[-1]
        assert done == pytest.approx(total)
        totals.append(total)
    planned, _ = plan_in(folder, spec(*GRID[:2]))
    rendering = sum(step.cost for steps in schedule(planned, set()) for step in steps)
    assert totals[0] - totals[1] == pytest.approx(rendering)
    capture = planned.segments[0].stages[0].cost
    assert rendering == pytest.approx(sum(segment.cost for segment in planned.segments) - capture)
    assert totals[2] - totals[1] < totals[0] / 2 + capture
