"""Nothing is computed twice: metrics, plots, cards and the video are cached by their inputs."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.render_inputs import lay_out, plan_in
from tests.support.shootouts import CHAINS, TRACKS, Log, Memory, children
from tests.support.specs import spec
from tone_shootout.rendering.estimate import estimate
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.produce import produce
from tone_shootout.rendering.spec.options import Output

pytestmark = pytest.mark.slow


class Watch(Log):
    """Counts all rendering processes."""

    def __init__(self) -> None:
        super().__init__()
        self.helpers: set[int] = set()

    def check(self) -> None:
        self.helpers |= {child.pid for child in children()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sources")
    lay_out(made)
    return made


def carry_out(
    folder: Path,
    store: Memory,
    out: Path,
    *,
    log: Log | None = None,
    harm: bool = False,
    output: Output | None = None,
    **changes: Any,
) -> Manifest:
    """Render one DI track through two chains with all outputs; `harm` removes all sources after planning."""
    chains = [{**chain, **changes} if n == 0 else chain for n, chain in enumerate(CHAINS)]
    planned, paths = plan_in(folder, spec(*chains, tracks=TRACKS[1:], output=output or Output()))
    if harm:
        paths = dict.fromkeys(paths, folder / "gone")
    return produce(planned, paths, out, processes=2, reporter=log or Log(), store=store)


@pytest.fixture(scope="module")
def cold(folder: Path, store: Memory, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return carry_out(folder, store, tmp_path_factory.mktemp("cold"))


def new(before: Memory, after: Memory, beginning: bytes) -> int:
    """Count the entries stored since, by the signatures of their content."""
    return sum(beginning in after.kept[key][:4000] for key in after.kept.keys() - before.kept.keys())


def copied(store: Memory) -> Memory:
    copy = Memory()
    copy.kept = dict(store.kept)
    return copy


def test_a_repetition_needs_neither_sources_nor_processes_and_gives_the_same_bytes(
    folder: Path, store: Memory, cold: Manifest, tmp_path: Path
) -> None:
    log = Watch()
    warm = carry_out(folder, store, tmp_path, log=log, harm=True)
    assert log.helpers == set()
    assert warm.files == cold.files
    assert (warm.captures, warm.comparisons, warm.difference) == (cold.captures, cold.comparisons, cold.difference)
    assert [segment.latency for segment in warm.segments] == [segment.latency for segment in cold.segments]
    assert log.phases == ["render", "level", "plots", "video"]
    assert log.shares[-1][0] == pytest.approx(log.shares[-1][1])


def test_another_name_draws_and_encodes_again_without_leveling_or_measuring(
    folder: Path, store: Memory, cold: Manifest, tmp_path: Path
) -> None:
    after = copied(store)
    made = carry_out(folder, after, tmp_path, name="Renamed")
    assert [segment.measured for segment in made.segments] == [segment.measured for segment in cold.segments]
    assert new(store, after, b"fLaC") == 0
    renamed = [segment.chain == "Renamed" for segment in made.segments]  # the tags of these files have the name
    hashes = zip(made.segments, cold.segments, strict=True)
    assert [segment.sha256 != before.sha256 for segment, before in hashes] == renamed
    assert new(store, after, b"ftypisom") == 1
    films = {item.path: item.sha256 for item in made.files if item.path.endswith(".mp4")}
    assert films.items().isdisjoint({item.path: item.sha256 for item in cold.files}.items())


def test_another_level_writes_every_file_again_from_the_cached_samples(
    folder: Path, store: Memory, cold: Manifest, tmp_path: Path
) -> None:
    after = copied(store)
    made = carry_out(folder, after, tmp_path, trim_db=-6.0)
    assert all(segment.cache_hit for segment in made.segments)
    assert new(store, after, b"fLaC") == len(
        {segment.gain_db for segment in made.segments} - {segment.gain_db for segment in cold.segments}
    )
    assert made.captures == cold.captures


def test_truncated_cache_content_is_computed_again(folder: Path, store: Memory, cold: Manifest, tmp_path: Path) -> None:
    cut_off = Memory()
    cut_off.kept = {key: content[:-1] for key, content in store.kept.items()}
    again = carry_out(folder, cut_off, tmp_path)
    assert again.files == cold.files
    assert not any(segment.cache_hit for segment in again.segments)
    assert cut_off.kept.keys() == store.kept.keys()


def test_a_spec_leaves_out_page_plots_and_video_and_changes_nothing_else(
    folder: Path, store: Memory, cold: Manifest, tmp_path: Path
) -> None:
    bare = carry_out(folder, store, tmp_path, output=Output(page=False, plots=False, video=False))
    assert {record.path for record in bare.files} == {segment.file for segment in bare.segments}
    assert bare.video is None
    assert [(segment.sha256, segment.metrics) for segment in bare.segments] == [
        (segment.sha256, segment.metrics) for segment in cold.segments
    ]


def test_what_a_spec_leaves_out_costs_nothing(folder: Path) -> None:
    def cost(output: Output, **options: bool) -> float:
        return estimate(plan_in(folder, spec(*CHAINS, tracks=TRACKS, output=output))[0], (), **options)

    for name in ("page", "plots", "video"):
        assert cost(Output(**{name: False})) == cost(Output(), **{name: False}) < cost(Output())
