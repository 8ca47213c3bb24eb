"""What happens in a child process is an answer to its parent."""

from multiprocessing import Pipe
from typing import Any

import pytest

from tone_shootout.rendering.engine.chain import SourceCache
from tone_shootout.rendering.executor import child, registry
from tone_shootout.rendering.executor.tasks import Failed, MeasureSegment


def test_a_task_that_needs_too_much_memory_fails_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausts_memory(*arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(registry.TaskKind, "load_handler", lambda _kind: exhausts_memory)
    parent, here = Pipe()
    with parent, here:
        failed = child._run(
            MeasureSegment(raw="none.npy", gain_db=0.0, metrics_file="none.json"), SourceCache(), parent
        )
    assert isinstance(failed, Failed)
    assert failed.code == "out_of_memory"
    assert "fewer segments" in failed.detail
