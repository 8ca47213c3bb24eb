"""`shootout worker`: a worker alone."""

import click


@click.command("worker")
def command() -> None:
    """Run a worker alone, with the database, broker and storage that the environment names."""
    import asyncio

    from tone_shootout.gc_tuning import importing

    with importing():
        from tone_shootout.cli.errors import reporting
        from tone_shootout.jobs.tasks import work
        from tone_shootout.kit.logs import configure_logs
        from tone_shootout.kit.settings import SettingsError, load_settings, require_servers

    with reporting():
        settings = load_settings()
        require_servers(settings)
        configure_logs(settings.log)
        try:
            (settings.data / "scratch").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"SHOOTOUT_DATA: can't be used: {error}") from None
        asyncio.run(work(settings))
