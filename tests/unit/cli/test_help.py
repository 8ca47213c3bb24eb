"""Help is fast, because commands import their dependencies only when they run."""

import subprocess
import sys

from tone_shootout.cli import main

SLOW = {"alembic", "av", "httpx", "litestar", "matplotlib", "numpy", "rich", "saq", "scipy", "sqlalchemy"}
PROGRAM = f"""
import sys
from click import Context
from tone_shootout.cli import main

with Context(main) as context:
    main.get_help(context)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        with Context(command, info_name=name, parent=context) as inner:
            command.get_help(inner)
print(*sorted({SLOW} & set(sys.modules)))
"""


def test_the_help_of_every_command_needs_none_of_the_slow_libraries() -> None:
    reported = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert reported.stdout.split() == []


def test_every_command_has_a_short_help() -> None:
    from click import Context

    context = Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(), name
