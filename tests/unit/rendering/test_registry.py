"""Every task has one registry entry with an importable handler, which the parent process does not import."""

import subprocess
import sys
from typing import get_args

import pytest

from tone_shootout.rendering.executor.registry import REGISTRY
from tone_shootout.rendering.executor.tasks import Task


def test_every_task_has_an_entry() -> None:
    assert set(REGISTRY) == set(get_args(Task))


@pytest.mark.parametrize("task", get_args(Task))
def test_a_handler_takes_its_task_and_returns_the_stated_result(task: type[Task]) -> None:
    kind = REGISTRY[task]
    hints = kind.load_handler().__annotations__
    assert hints["task"] is task
    assert hints["return"] is kind.result


@pytest.mark.parametrize("task", get_args(Task))
def test_every_cost_is_positive(task: type[Task]) -> None:
    assert REGISTRY[task].cost(1.0) > 0.0


def test_the_registry_does_not_import_the_handlers() -> None:
    code = "import sys, tone_shootout.rendering.executor.registry; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"matplotlib", "tone_shootout.rendering.executor.handlers"}.isdisjoint(done.stdout.split())
