"""`shootout worker`: run only a worker."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable


@click.command("worker")
def command() -> None:
    """Run only a worker, with the database, Redis and storage of the environment."""
    import asyncio

    from tone_shootout.gc_tuning import freeze_started_process, gc_disabled
    from tone_shootout.lean_imports import hidden

    with gc_disabled(), hidden("opentelemetry"):  # which the client of Redis imports wherever it is installed
        from tone_shootout.cli.errors import handle_errors
        from tone_shootout.composition import Services, run_worker
        from tone_shootout.kit.logs import configure_logs
        from tone_shootout.kit.settings import SettingsError, load_settings, require_servers
        from tone_shootout.kit.tracing import configure_tracing

    with handle_errors():
        settings = load_settings()
        require_servers(settings)
        configure_logs(settings.log)
        configure_tracing()
        services = Services(settings)
        try:
            _ = services.scratch  # created on first use
        except OSError as error:
            raise SettingsError(f"SHOOTOUT_DATA: can't be used: {error}") from None
        freeze_started_process()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run_worker(services))


def _loop_factory() -> "Callable[[], AbstractEventLoop] | None":
    """Return the factory of the event loop that web processes use; None: of asyncio's, where it is not installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
