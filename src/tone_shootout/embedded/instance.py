"""Base class of the program sets that run on a data folder."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.postgres import Postgres
from tone_shootout.embedded.supervisor import Program, Supervisor
from tone_shootout.embedded.valkey import Valkey


class Instance(ABC):
    """Supervised programs on a locked data folder, started on entry of the context and stopped on exit.

    Args:
        data: the data folder; created if missing.
        on_event: called with one line of text for each event.
        on_output: called with each output line of the programs whose `echo` is set.
    """

    def __init__(
        self,
        data: Path,
        *,
        on_event: Callable[[str], None] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = DataFolder(data)
        self._postgres = Postgres(self._folder)
        self._valkey = Valkey(self._folder)
        self._on_event = on_event
        self._on_output = on_output
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all programs and return when they are ready; do nothing if they run already.

        Raises:
            EmbeddedError: a program can't start; none is left running.
        """
        if self._supervisor is not None:
            return
        if self._on_event is not None:
            self._on_event(f"Starting in the data folder {self._folder.path}")
        try:
            self._folder.acquire()
            self._supervisor = Supervisor(self._programs(), on_event=self._on_event, on_output=self._on_output)
            self._supervisor.start()
        except OSError as error:
            self.stop()
            raise EmbeddedError(f"can't use the data folder {self._folder.path}: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all programs in reverse order; do nothing if none runs."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        self._folder.release()

    def processes(self) -> dict[str, int]:
        """Return the process id of every running program by its name."""
        return {} if self._supervisor is None else self._supervisor.processes()

    @abstractmethod
    def _programs(self) -> Sequence[Program]:
        """Prepare the programs, with the folder locked, and return them in start order."""
