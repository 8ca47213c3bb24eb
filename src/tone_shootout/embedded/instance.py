"""What runs on a data folder, from start to stop."""

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
    """Supervised programs that hold a data folder, started on entry and stopped on exit.

    Args:
        data: the data folder; made where there is none.
        on_event: gets one line for each thing that happens.
        on_output: gets, line by line, the output of the programs that are ours.
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
        """Start everything and return when it can be used; nothing happens where it runs already.

        Raises:
            EmbeddedError: why it can't; nothing is left running then.
        """
        if self._supervisor is not None:
            return
        if self._on_event is not None:
            self._on_event(f"Starting in the data folder {self._folder.path}")
        try:
            self._folder.hold()
            self._supervisor = Supervisor(self._programs(), on_event=self._on_event, on_output=self._on_output)
            self._supervisor.start()
        except OSError as error:
            self.stop()
            raise EmbeddedError(f"can't use the data folder {self._folder.path}: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, in the opposite order; nothing happens where nothing runs."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        self._folder.release()

    def processes(self) -> dict[str, int]:
        """Return the process id of every program that runs now, by its name."""
        return {} if self._supervisor is None else self._supervisor.processes()

    @abstractmethod
    def _programs(self) -> Sequence[Program]:
        """Prepare what is to be run, once the folder is held, and return it in the order of its start."""
