"""The container files agree with the settings."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import tone_shootout.jobs.metrics
import tone_shootout.kit.http.metrics  # noqa: F401 - each registers its metrics
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
        "GRAFANA_PASSWORD": "secret",
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


DOCKERFILE = (PROJECT / "deploy" / "Dockerfile").read_text()


def test_the_image_runs_as_an_unprivileged_user_with_a_number() -> None:
    """Kubernetes can't check by its name that a user is not root."""
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert users
    assert re.fullmatch(r"[1-9]\d*:0", users[-1])


def test_the_base_of_the_image_is_pinned_by_version_and_digest() -> None:
    (base,) = re.findall(r"^ARG BASE=(.*)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"[\w./]+:\d+\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE}", "runtime", "runtime"]


@pytest.mark.parametrize("service", OURS)
def test_our_services_have_no_rights_that_they_do_not_need(service: str) -> None:
    given = COMPOSE["services"][service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]


def test_every_image_has_a_version() -> None:
    for name, service in COMPOSE["services"].items():
        if name not in OURS:
            assert re.fullmatch(r"[\w./-]+:v?\d[\w.]*", service["image"])


ALERTS: list[dict[str, Any]] = yaml.safe_load((PROJECT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((PROJECT / "deploy/grafana/dashboards/tone-shootout.json").read_text())


def _series(expression: str) -> set[str]:
    """Return the names of the series in an expression."""
    return set(re.findall(r"\b((?:shootout|litestar|process)_\w+|up)\b", expression))


def _exported() -> set[str]:
    """Return the names of all series that web processes and workers export; their labels may have none yet."""
    found = {"up"}
    for metric in REGISTRY.collect():
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        found |= {f"{metric.name}{ending}" for ending in endings}
    return found


def test_alerts_and_dashboard_show_series_that_exist() -> None:
    expressions = [alert["expr"] for alert in ALERTS]
    expressions += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    named = set().union(*map(_series, expressions))
    assert len(named) > 10
    assert named - _exported() == set()


def test_every_alert_has_an_entry_in_the_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", (PROJECT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert headings == [alert["alert"] for alert in ALERTS]
    for alert in ALERTS:
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_prometheus_asks_the_ports_that_are_open() -> None:
    jobs = yaml.safe_load((PROJECT / "deploy" / "prometheus.yml").read_text())["scrape_configs"]
    found = {job["job_name"]: job["dns_sd_configs"][0] for job in jobs}
    for name, setting in (("web", "SHOOTOUT_SERVER_PORT"), ("worker", "SHOOTOUT_WORKER_METRICS_PORT")):
        assert found[name]["names"] == [name]
        assert str(found[name]["port"]) == COMPOSE["services"][name]["environment"][setting]
