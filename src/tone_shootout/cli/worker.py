"""`shootout worker`: a worker alone."""

import click


@click.command("worker")
def command() -> None:
    """Run a worker alone, with the database, broker and storage that the environment names."""
    import asyncio

    from tone_shootout.gc_tuning import importing

    with importing():
        from tone_shootout.cli.errors import reporting
        from tone_shootout.composition import Services, run_worker
        from tone_shootout.kit.logs import configure_logs
        from tone_shootout.kit.settings import SettingsError, load_settings, require_servers

    with reporting():
        settings = load_settings()
        require_servers(settings)
        configure_logs(settings.log)
        services = Services(settings)
        try:
            _ = services.scratch  # created on first use
        except OSError as error:
            raise SettingsError(f"SHOOTOUT_DATA: can't be used: {error}") from None
        asyncio.run(run_worker(services))
