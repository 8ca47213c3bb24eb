"""The container files agree with the settings."""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from tests.support.shared import PROJECT
from tone_shootout.cli import main
from tone_shootout.kit.settings import load_settings, new_encryption_key, new_secret

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yml").read_text())
EXAMPLE = dict(
    line.split("=", 1)
    for line in (PROJECT / "deploy" / "example.env").read_text().splitlines()
    if re.match(r"\w+=", line)
)
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "tone-shootout"]


def _filled_in(service: str) -> dict[str, str]:
    """Return the environment of a service with the example filled in."""
    given = {
        **EXAMPLE,
        "POSTGRES_PASSWORD": "secret",
        "SHOOTOUT_SECURITY_SECRET": new_secret(),
        "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": f'["{new_encryption_key()}"]',
    }
    return {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda match: given[match[1]], value)
        for name, value in COMPOSE["services"][service]["environment"].items()
    }


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_every_service_are_accepted_in_production(service: str) -> None:
    assert load_settings(_filled_in(service)).environment == "production"


@pytest.mark.parametrize("service", OURS)
def test_every_service_runs_a_command_that_exists(service: str) -> None:
    command = COMPOSE["services"][service]["command"]
    assert main.get_command(None, command[0]) is not None  # type: ignore[arg-type]  # our group needs no context


def test_migrations_come_before_web_and_worker() -> None:
    for service in ("web", "worker"):
        assert COMPOSE["services"][service]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_servers_have_the_major_versions_of_the_embedded_ones() -> None:
    assert COMPOSE["services"]["postgres"]["image"] == "postgres:18"
    assert COMPOSE["services"]["valkey"]["image"] == "valkey/valkey:9"


PLACEHOLDERS = {"SHOOTOUT_SECURITY_ENCRYPTION_KEYS": new_encryption_key()}


def test_the_settings_named_in_the_example_exist() -> None:
    text = (PROJECT / "deploy" / "example.env").read_text()
    shown = dict(re.findall(r"^(?:# )?(SHOOTOUT_\w+)=(.*)$", text, re.MULTILINE))
    shown["SHOOTOUT_SECURITY_ENCRYPTION_KEYS"] = new_encryption_key()
    for name in set(re.findall(r"SHOOTOUT_\w+", text)):
        load_settings({name: PLACEHOLDERS.get(name) or shown.get(name) or "x"})


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics//", "/health/live", "/health/ready/"])
def test_the_proxy_blocks_metrics_and_health_in_any_spelling(path: str) -> None:
    """The application ignores trailing slashes in a path."""
    (line,) = re.findall(r"@internal path (.*)", (PROJECT / "deploy" / "Caddyfile").read_text())
    assert any(fnmatchcase(path, pattern) for pattern in line.split())
    assert not any(fnmatchcase("/api/v1/me", pattern) for pattern in line.split())


def test_the_image_runs_as_an_unprivileged_user() -> None:
    users = re.findall(r"^USER (\w+)$", (PROJECT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] != "root"
