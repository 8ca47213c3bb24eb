"""Runs tasks in the order of their dependencies, with a cache in front of the pool."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tone_shootout.rendering.executor.pool import Pool
from tone_shootout.rendering.executor.reporter import Reporter, Store
from tone_shootout.rendering.executor.result_cache import ResultCache
from tone_shootout.rendering.executor.tasks import Result, Task


@dataclass(frozen=True)
class _Node:
    make: Callable[[], Task]
    cost: float
    after: frozenset[int]
    lead: float


@dataclass
class TaskGraph:
    """Tasks, some of which need the results of others. All that can run do so concurrently."""

    nodes: list[_Node] = field(default_factory=list)

    def add(self, task: Task, cost: float) -> int:
        """Add a task with its cost in estimated seconds on one core, and return its number."""
        return self.add_after((), lambda: task, cost)

    def add_after(self, after: Iterable[int], make: Callable[[], Task], cost: float, *, lead: float = 0.0) -> int:
        """Add a task that `make` returns once those with the numbers `after` are complete, and return its number.

        Only earlier tasks have numbers, so there are no cycles.

        Args:
            after: numbers of the tasks that it waits for.
            make: returns the task.
            cost: its cost in estimated seconds on one core.
            lead: cost of other tasks that can't run beside it.
        """
        self.nodes.append(_Node(make, cost, frozenset(after), lead))
        return len(self.nodes) - 1


class TaskExecutor:
    """Runs tasks in the pool, with a cache in front of it, and reports their total progress."""

    def __init__(self, pool: Pool, reporter: Reporter, total: float, store: Store | None) -> None:
        self._pool = pool
        self._result_cache = ResultCache(store)
        self.reporter = reporter
        self.store = store
        self._total = total
        self._done = 0.0

    def run(self, tasks: Sequence[tuple[Task, float]]) -> Iterator[tuple[int, Result]]:
        """Run tasks, given with their costs, and yield each one's index and result; cached results come first."""
        graph = TaskGraph()
        for task, cost in tasks:
            graph.add(task, cost)
        return self.run_graph(graph)

    def run_graph(self, graph: TaskGraph) -> Iterator[tuple[int, Result]]:
        """Run the tasks of a graph, and yield each one's number and result when it is complete."""
        costs = [node.cost for node in graph.nodes]
        shares = [0.0] * len(costs)
        waiting_for = [set(node.after) for node in graph.nodes]
        urgency = _urgency(graph)
        ready = deque(number for number, after in enumerate(waiting_for) if not after)
        tasks: list[Task] = []
        numbers: list[int] = []

        def progress(number: int, share: float) -> None:
            shares[number] = share
            done = math.fsum(cost * part for cost, part in zip(costs, shares, strict=True))
            self.reporter.progress(min(self._done + done, self._total), self._total)

        def complete(number: int) -> None:
            progress(number, 1.0)
            for other, after in enumerate(waiting_for):
                if number in after:
                    after.remove(number)
                    if not after:
                        ready.append(other)

        # The pool takes further tasks from the list while it runs.
        results = self._pool.run(
            tasks,
            check=self.reporter.check,
            progress=lambda index, share: progress(numbers[index], share),
            urgency=lambda index: urgency[numbers[index]],
        )
        while True:
            while ready:
                number = ready.popleft()
                self.reporter.check()
                task = graph.nodes[number].make()
                cached = self._result_cache.fetch(task)
                if cached is None:
                    tasks.append(task)
                    numbers.append(number)
                else:
                    complete(number)
                    yield number, cached.result
            index, result = next(results, (-1, None))
            if index < 0:
                break
            self.cache(tasks[index], result)
            complete(numbers[index])
            yield numbers[index], result
        self._done += math.fsum(costs)

    def cache(self, task: Task, result: Result) -> None:
        """Store the result of a task."""
        self._result_cache.add(task, result)


def _urgency(graph: TaskGraph) -> list[float]:
    """Return for each task the cost of the longest chain of tasks that begins with it.

    If those with the longest chains start first, no chain is left at the end while other processes are idle (Graham,
    "Bounds on multiprocessing timing anomalies", SIAM Journal on Applied Mathematics 17, 1969).
    """
    behind = [0.0] * len(graph.nodes)
    chains = [0.0] * len(graph.nodes)
    for number in reversed(range(len(graph.nodes))):
        node = graph.nodes[number]
        chains[number] = node.cost + max(behind[number], node.lead)
        for earlier in node.after:
            behind[earlier] = max(behind[earlier], chains[number])
    return chains
