"""The operator's guide agrees with the code."""

import re

from click import Group

from tests.support.settings_table import GUIDE, written
from tone_shootout.cli import main
from tone_shootout.jobs.execution.scratch import INTERVAL_S
from tone_shootout.kit.settings import load_settings

TEXT = GUIDE.read_text()


def test_the_settings_in_the_guide_are_those_of_the_code() -> None:
    assert written() == TEXT, "run `task docs`"


def test_every_command_in_the_guide_exists() -> None:
    named = set(re.findall(r"`shootout ([a-z]+)(?: ([a-z]+))?", TEXT))
    assert len(named) > 6
    for name, below in named:
        command = main.get_command(None, name)  # type: ignore[arg-type]  # our group needs no context
        assert command is not None, name
        assert not below or not isinstance(command, Group) or below in command.commands, f"{name} {below}"


def test_the_network_in_the_example_is_valid() -> None:
    (value,) = re.findall(r"^SHOOTOUT_WEBHOOKS_ALLOWED_NETWORKS=(.*)$", TEXT, re.MULTILINE)
    assert load_settings({"SHOOTOUT_WEBHOOKS_ALLOWED_NETWORKS": value}).webhooks.allowed_networks == ["10.20.0.0/16"]


def test_scratch_is_cleared_at_the_documented_interval() -> None:
    assert "every ten minutes" in TEXT
    assert INTERVAL_S == 600
