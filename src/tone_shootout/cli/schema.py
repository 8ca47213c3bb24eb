"""`shootout schema`: the JSON schema of specs."""

import click


@click.command("schema")
def command() -> None:
    """Write the JSON schema of specs, for editors and programs.

    An editor with TOML support completes and checks a spec that begins with the line `#:schema spec.schema.json`.
    """
    from tone_shootout.rendering.spec.json_schema import spec_schema

    click.echo(spec_schema(), nl=False)
