"""Time of the stages of a shootout, and of a repetition from the cache."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from tests.bench.rendering import RATE, Silent
from tests.bench.shapes import SHAPES
from tone_shootout.audio.files import write_wav
from tone_shootout.audio.nam import load
from tone_shootout.rendering.engine.chain import reamp
from tone_shootout.rendering.engine.sources import probe
from tone_shootout.rendering.executor.reporter import Phase
from tone_shootout.rendering.executor.store import StoreFolder
from tone_shootout.rendering.media_info import Kind, Limits
from tone_shootout.rendering.output.manifest import Manifest
from tone_shootout.rendering.plan.planner import Plan, plan
from tone_shootout.rendering.produce import produce
from tone_shootout.rendering.spec.schema import CabIrBlock, CaptureBlock, Chain, DiTrack, Spec

SECONDS = 20
SEGMENTS = 8
GRID_SECONDS = 10
AMPS, CABS = 4, 5
ROUNDS = 3


class _Clock(Silent):
    """Reporter that records the start of each phase."""

    def __init__(self) -> None:
        self.starts: dict[str, float] = {}

    def phase(self, name: Phase) -> None:
        self.starts[name] = perf_counter()


def stages_section() -> list[str]:
    """Measure the stages of a shootout in one process, and a grid of captures and cabs without and with cache."""
    with tempfile.TemporaryDirectory() as folder:
        stages, engine = _stages(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        cold, warm, hit = _grid(Path(folder))
    sound = stages["render"] + stages["level"]
    everything = sum(stages.values())
    return [
        f"A1 standard and a cab IR, {SEGMENTS} segments of {SECONDS} s, one process, {ROUNDS} rounds.",
        "",
        "| stage | seconds per segment |",
        "|---|---:|",
        f"| render | {stages['render'] / SEGMENTS:.2f} |",
        f"| of that, the engine | {engine / SEGMENTS:.2f} |",
        f"| level: one gain, 24-bit FLAC, measured again | {stages['level'] / SEGMENTS:.2f} |",
        f"| metrics, cards, sound of the video | {stages['metrics'] / SEGMENTS:.2f} |",
        f"| plots | {stages['plots'] / SEGMENTS:.2f} |",
        f"| video: muxed and measured | {stages['video'] / SEGMENTS:.2f} |",
        "",
        f"Share of the time outside of the engine: {1 - engine / sound:.0%} for leveled segments,",
        f"{1 - engine / everything:.0%} with metrics, plots and a video of {SEGMENTS * SECONDS} s.",
        "",
        f"A grid of {AMPS} captures and {CABS} cabs over {GRID_SECONDS} s takes {AMPS} inferences and,",
        f"with two processes, {cold:.1f} s with metrics, plots and video. A repetition from the cache,",
        f"with equal bytes, takes {warm:.2f} s and is {cold / warm:.0f} times faster.",
        f"Reading the samples of a segment from the cache takes {1e3 * hit:.1f} ms.",
    ]


def _stages(folder: Path) -> tuple[dict[str, float], float]:
    """Return the median seconds of each stage, and the engine's."""
    planned, sources = _plan(folder, amps=SEGMENTS, cabs=1, seconds=SECONDS)
    rounds: dict[str, list[float]] = {name: [] for name in ("render", "level", "metrics", "plots", "video")}
    for _ in range(ROUNDS):
        sound, whole = _Clock(), _Clock()
        produce(planned, sources, folder / "out", processes=1, reporter=sound, sound_only=True)
        level = perf_counter() - sound.starts["level"]
        produce(planned, sources, folder / "out", processes=1, reporter=whole)
        ends = [*whole.starts.values(), perf_counter()]
        taken = {name: end - start for (name, start), end in zip(whole.starts.items(), ends[1:], strict=True)}
        rounds["render"].append(taken["render"])
        rounds["level"].append(level)
        rounds["metrics"].append(max(taken["level"] - level, 0.0))
        rounds["plots"].append(taken["plots"])
        rounds["video"].append(taken["video"])
    return {name: median(times) for name, times in rounds.items()}, SEGMENTS * _engine()


def _engine() -> float:
    """Return the seconds that a segment takes in the engine alone."""
    capture = load(SHAPES["A1 standard"]())
    x = (0.1 * np.random.default_rng(3).standard_normal(SECONDS * RATE)).astype(np.float32)
    times = []
    for _ in range(ROUNDS):
        started = process_time()
        reamp(capture, x)
        times.append(process_time() - started)
    return median(times)


def _grid(folder: Path) -> tuple[float, float, float]:
    """Return the seconds of a grid done for the first time and done again, and of getting a segment's sound."""
    planned, sources = _plan(folder, amps=AMPS, cabs=CABS, seconds=GRID_SECONDS)
    cold, warm = [], []
    for number in range(ROUNDS):
        store = StoreFolder(folder / f"cache-{number}")
        first, taken = _timed(planned, sources, folder, store)
        cold.append(taken)
        again, taken = _timed(planned, sources, folder, store)
        warm.append(taken)
        if first.files != again.files or sum(segment.inferences for segment in first.segments) != AMPS:
            raise RuntimeError("the grid is not what it should be")
    started = perf_counter()
    for segment in planned.segments:
        store.get(segment.render_key)  # pyrefly: ignore[unbound-name]  # there is at least one round
    return median(cold), median(warm), (perf_counter() - started) / len(planned.segments)


def _timed(planned: Plan, sources: dict[str, Path], folder: Path, store: StoreFolder) -> tuple[Manifest, float]:
    started = perf_counter()
    made = produce(planned, sources, folder / "out", processes=2, reporter=Silent(), store=store)
    return made, perf_counter() - started


def _plan(folder: Path, *, amps: int, cabs: int, seconds: int) -> tuple[Plan, dict[str, Path]]:
    """Plan every one of some captures through every one of some cabs."""
    sources = {"di": folder / "di.wav"}
    noise = np.random.default_rng(3).standard_normal(seconds * RATE).astype(np.float32)
    swell = 0.55 - 0.45 * np.cos(np.arange(seconds * RATE, dtype=np.float32) * np.float32(2 * np.pi / RATE))
    write_wav(sources["di"], 0.1 * noise * swell, RATE)
    for n in range(amps):
        sources[f"amp {n}"] = folder / f"amp-{n}.nam"
        # The same weights, but not the same file: nothing is shared between them.
        sources[f"amp {n}"].write_bytes(SHAPES["A1 standard"]() + b" " * n)
    for n in range(cabs):
        sources[f"cab {n}"] = folder / f"cab-{n}.wav"
        response = np.random.default_rng(10 + n).standard_normal(4_096) * np.geomspace(1.0, 1e-4, 4_096)
        write_wav(sources[f"cab {n}"], (0.1 * response).astype(np.float32), RATE)
    chains = tuple(
        Chain(name=f"{amp} {cab}", blocks=(CaptureBlock(file=f"amp {amp}", gear="amp"), CabIrBlock(file=f"cab {cab}")))
        for amp in range(amps)
        for cab in range(cabs)
    )
    kinds: dict[str, Kind] = {"di": "di_track", "amp": "capture", "cab": "cab_ir"}
    facts = {name: probe(path, kinds[name.split()[0]]) for name, path in sources.items()}
    spec = Spec(di_tracks=(DiTrack(name="Noise", file="di"),), chains=chains)
    return plan(spec, facts, limits=Limits(chains=amps * cabs)), sources
