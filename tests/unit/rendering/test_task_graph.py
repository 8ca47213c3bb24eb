"""The order in which tasks of a graph start."""

from tone_shootout.rendering.executor.task_executor import TaskGraph, _urgency
from tone_shootout.rendering.executor.tasks import MeasureSegment, Task


def _task() -> Task:
    return MeasureSegment(raw="", gain_db=0.0, metrics_file="")


def test_a_task_is_as_urgent_as_the_longest_chain_that_begins_with_it() -> None:
    graph = TaskGraph()
    first = graph.add(_task(), 1.0)
    second = graph.add_after([first], _task, 2.0)
    graph.add_after([first], _task, 0.5)
    graph.add_after([second], _task, 3.0)
    assert _urgency(graph) == [6.0, 5.0, 0.5, 3.0]


def test_tasks_that_can_not_run_beside_each_other_are_more_urgent() -> None:
    graph = TaskGraph()
    measured = graph.add(_task(), 1.0)
    graph.add_after([measured], _task, 0.25, lead=0.75)
    graph.add(_task(), 1.5)
    assert _urgency(graph) == [2.0, 1.0, 1.5]
