"""Commands report invalid settings with one line that names the setting, never with a traceback."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import cycle
from pathlib import Path
from typing import Any, Literal, get_origin

import pytest
import structlog
from click.testing import CliRunner

from tone_shootout.cli import main
from tone_shootout.kit.settings import PREFIX, Settings, SettingsError, load_settings, new_encryption_key, new_secret

WRONG = [
    "nonsense",
    "-1",
    "1e400",
    "99999999999999999999999999",
    "nan",
    "",
    " ",
    " \n\t",
    "\udcff\udcfe",  # bytes that are no UTF-8, as Python has them in its environment
    "two\nlines",
    "0",
    "{",
    "[",
    '["", 1]',
    '{"a": 1}',
    "tcp://10.0.0.1:8000",
    "☃" * 300,
    "\x1b[31m",
    "https://[::1",
    "postgres://[::1/x",
    "%",
]
SERVING = [["serve"], ["web"], ["worker"]]
"""Commands that keep running with valid settings; tried only with settings that are rejected before."""
PASSING = [
    ["user", "list"],
    ["db", "check"],
    ["db", "upgrade"],
    ["db", "rekey"],
    ["tone3000", "check"],
    ["jobs", "list"],
]


def _settings() -> Iterator[tuple[str, Any]]:
    """Every variable with the type of its field."""
    for group in fields(Settings):
        kind: Any = group.default_factory
        if isinstance(kind, type):
            for field in fields(kind):
                yield f"{PREFIX}_{group.name.upper()}_{field.name.upper()}", field.type
    yield f"{PREFIX}_ENVIRONMENT", Literal["development", "production"]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Restore the logging configuration, because some commands log to a stderr that is closed afterwards."""
    root = logging.getLogger()
    handlers, level, structured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structured)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with unreachable servers, so that no command gets far."""
    folder = tmp_path_factory.mktemp("walk")
    return {
        f"{PREFIX}_DATA": str(folder),
        f"{PREFIX}_DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        f"{PREFIX}_REDIS_URL": "redis://127.0.0.1:1/0",
        f"{PREFIX}_STORAGE_URL": (folder / "objects").as_uri(),
        f"{PREFIX}_SECURITY_SECRET": new_secret(),
        f"{PREFIX}_SECURITY_ENCRYPTION_KEYS": new_encryption_key(),
    }


def _refusal(environ: dict[str, str]) -> str:
    try:
        load_settings(environ)
    except SettingsError as error:
        return str(error)
    return ""


def test_every_invalid_setting_is_reported_in_one_line_by_any_command(environ: dict[str, str]) -> None:
    runner = CliRunner()
    serving, passing = cycle([*SERVING, *PASSING]), cycle(PASSING)
    for name, kind in _settings():
        refused = 0
        for value in WRONG:
            given = {**environ, name: value}
            refusal = _refusal(given)
            command = next(serving if refusal else passing)
            # Servers of its own are started where an address is empty; other tests do that.
            if not refusal and not value.strip() and name.endswith(("_DATABASE_URL", "_REDIS_URL")):
                continue
            result = runner.invoke(main, command, env=dict(given))
            stated = f"{name}={value!r}: {command}: {result.output}"
            assert result.exception is None or isinstance(result.exception, SystemExit), (stated, result.exception)
            assert result.exit_code == 1, stated
            assert "Traceback" not in result.output, stated
            (line,) = result.stderr.splitlines()
            assert line.startswith("Error: "), stated
            if refusal:
                refused += 1
                assert line.startswith(f"Error: {name}: "), stated
        takes_any = get_origin(kind) is None and kind is str
        assert refused >= (3 if takes_any else 5), name


def test_errors_of_choices_and_numbers_state_the_allowed_values() -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_DATABASE_POOLER"):
        load_settings({"SHOOTOUT_DATABASE_POOLER": "statement"})
    with pytest.raises(SettingsError, match=r"SHOOTOUT_SERVER_PORT: .*65535"):
        load_settings({"SHOOTOUT_SERVER_PORT": "70000"})


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_data_folder_that_can_not_be_created_is_reported_in_one_line(
    environ: dict[str, str], command: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = {**environ, f"{PREFIX}_DATA": str(tmp_path / "file" / "data")}
    result = CliRunner().invoke(main, [command], env=dict(given))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert str(tmp_path) in line


def test_a_user_id_without_name_and_home_is_reported_with_the_setting() -> None:
    """A user id without an account, like in a container. Modules are imported before the id is changed."""
    script = """if True:
        import getpass, os, platformdirs, pwd
        from tone_shootout.kit.settings import SettingsError, load_settings, parse_postgres
        if os.geteuid() == 0:
            os.setgid(54321)
            os.setuid(54321)
        else:
            pwd.getpwuid = {}.__getitem__  # an ordinary user can't be anybody else
        for attempt in (
            lambda: load_settings({}),
            lambda: parse_postgres("postgres://host/name"),
            lambda: load_settings({"SHOOTOUT_DATA": "/srv"}),
            lambda: parse_postgres("postgres://user@host/name").asyncpg(),
        ):
            try:
                attempt()
                print("fine")
            except SettingsError as error:
                print(error)
    """
    done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, check=False)
    data, user, *fine = done.stdout.splitlines()
    assert data.startswith("SHOOTOUT_DATA: ")
    assert user.startswith("SHOOTOUT_DATABASE_URL: expected a user")
    assert fine == ["fine", "fine"]
    assert done.returncode == 0, done.stderr
