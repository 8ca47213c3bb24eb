"""`shootout web`: run only a web process."""

from contextlib import suppress
from dataclasses import replace

import click


@click.command("web")
@click.option("--host", help="Address to listen on. [SHOOTOUT_SERVER_HOST, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on. [SHOOTOUT_SERVER_PORT, else 8000]")
def command(host: str | None, port: int | None) -> None:
    """Run only a web process, with the database and Redis of the environment."""
    from tone_shootout.gc_tuning import freeze_started_process, gc_disabled
    from tone_shootout.lean_imports import hidden, import_libraries

    with gc_disabled():
        import_libraries()
        from tone_shootout.app import create_app
        from tone_shootout.cli.errors import handle_errors
        from tone_shootout.composition import services_of
        from tone_shootout.kit.http.web_server import WebServer, allow_many_connections, listen
        from tone_shootout.kit.logs import configure_logs
        from tone_shootout.kit.settings import load_settings

    with handle_errors():
        settings = load_settings()
        configure_logs(settings.log)
        allow_many_connections()
        host = host or settings.server.host
        listeners = listen(host, settings.server.port if port is None else port)
        # The actual port, because port 0 selects a free one.
        at = replace(settings.server, host=host, port=listeners[0].getsockname()[1])
        settings = replace(settings, server=at)
        with hidden("valkey"):  # limits imports this client beside the one that it is told to use
            app = create_app(settings)
        server = WebServer(
            app, settings, on_shutdown=services_of(app).event_hub.stop, on_startup=freeze_started_process
        )
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after the shutdown
            server.run([*listeners])
        if not server.started:
            raise SystemExit(3)
