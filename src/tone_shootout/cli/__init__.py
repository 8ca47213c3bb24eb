"""The `shootout` command.

Each command has a module that is imported only when the command runs, so that `--help` responds immediately.
"""

import importlib
import io
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

_COMMANDS = {
    "demo": "Run a complete example on this machine, from upload to video.",
    "serve": "Run the whole service, with its own PostgreSQL and Valkey.",
    "web": "Run only a web process.",
    "worker": "Run only a worker, such as on a second machine.",
    "init": "Write a spec file from your files.",
    "render": "Render a spec file without a server.",
    "check": "Check a spec file and show what rendering it takes.",
    "schema": "Write the JSON schema of spec files.",
    "reamp": "Render one file through one capture.",
    "inspect": "Show properties of captures, impulse responses and audio files.",
    "verify": "Render a result again and compare.",
    "bundle": "Write a result with all that belongs to it as one ZIP file.",
    "measure": "Measure loudness, true peak and level of audio files.",
    "match": "Find the equalizer that brings one tone to another.",
    "submit": "Send a spec file to a service.",
    "library": "List, upload and delete files of a service.",
    "jobs": "List, follow, cancel, retry and download your jobs.",
    "login": "Sign in to a service with TONE3000.",
    "logout": "Sign out of a service.",
    "user": "Manage local users and their API tokens.",
    "admin": "Administer a service: jobs of all users, quotas, maintenance.",
    "tone3000": "Check the API of TONE3000.",
    "completion": "Write the completion script of a shell.",
    "doctor": "Check an installation, and tell what to do.",
    "backup": "Back up database and objects into a folder.",
    "restore": "Restore a backup into an empty installation, or check it.",
    "storage": "Compare the objects of an installation with its rows.",
    "housekeeping": "Delete expired data.",
    "db": "Migrate the database.",
}


class _Commands(click.Group):
    """Lists the commands with a one-line help each, without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"tone_shootout.cli.{cmd_name}").command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=text) for name, text in _COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"shootout {version('tone-shootout')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Compare guitar tones honestly: same performance, one loudness, no limiter, every hash published."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Escape characters of names that the encoding of the terminal lacks, like Python does on stderr.
        sys.stdout.reconfigure(errors="backslashreplace")
