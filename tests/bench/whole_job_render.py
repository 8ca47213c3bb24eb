"""Render the spec that is named first into the folder that is named second: only its leveled segments.

It works with the present and with an earlier commit.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tone_shootout.cli import render
from tone_shootout.rendering.produce import produce


class Silent:
    """Reporter without output, whatever its methods are named."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


def main() -> None:
    planner: Any = getattr(render, "plan_spec", None) or getattr(render, "_plan")  # noqa: B009 - the earlier name
    plan, sources = planner(Path(sys.argv[1]))
    reporter: Any = Silent()
    produce(plan, sources, Path(sys.argv[2]), processes=2, reporter=reporter, sound_only=True)


if __name__ == "__main__":
    main()
