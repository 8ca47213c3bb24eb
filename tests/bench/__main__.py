"""Run every section of the benchmark and write docs/benchmarks.md."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench.engine import engine_section
from tests.bench.jobs import jobs_section
from tests.bench.live import live_section
from tests.bench.rendering import rendering_section
from tests.bench.stages import stages_section

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
SECTIONS = {
    "Tone engine": engine_section,
    "Rendering": rendering_section,
    "Stages": stages_section,
    "Jobs": jobs_section,
    "Live channel": live_section,
}
"""A heading for each, and the function that measures and returns lines of Markdown."""


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


def main() -> None:
    machine = f"{processor()}, {psutil.cpu_count(logical=False)} cores, {psutil.virtual_memory().total >> 30} GiB"
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime"))
    lines = [
        "# Benchmarks",
        "",
        "Measured by `task bench`, which writes this page anew.",
        "",
        f"Machine: {machine}, {system}, {packages}.",
    ]
    for heading, section in SECTIONS.items():
        lines += ["", f"## {heading}", "", *section()]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
