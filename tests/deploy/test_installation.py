"""An installation by `compose.yml`, started by Docker Compose: what a user, a proxy and Prometheus see of it."""

import json
import shlex
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from websockets.asyncio.client import connect

from tests.deploy.conftest import COMPOSE, SPEC, Installation
from tests.support.documents import blocks
from tests.support.processes import eventually
from tests.support.render_inputs import lay_out, plain_gain
from tests.support.shared import PROJECT

pytestmark = [pytest.mark.thorough, pytest.mark.deploy, pytest.mark.timeout(900)]

# Nothing can be matched to this chain, so the job fails.
SILENT = SPEC.replace("a.nam", "mute.nam")
SCRAPED_S = 150


@dataclass(frozen=True)
class Visitor:
    """A user with a token, outside of the installation."""

    url: str
    token: str
    certificates: ssl.SSLContext
    folder: Path

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            verify=self.certificates,
            timeout=60,
            trust_env=False,
        )

    def shootout(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `shootout` as the user."""
        environ = {
            "SHOOTOUT_URL": self.url,
            "SHOOTOUT_TOKEN": self.token,
            "SSL_CERT_FILE": str(self.folder.parent / "authority.crt"),
            "HOME": str(self.folder),
        }
        return subprocess.run(
            [sys.executable, "-m", "tone_shootout", *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    async def events(self, job_id: str) -> list[dict[str, Any]]:
        """Return all events of a job, from its WebSocket."""
        address = f"{self.url.replace('https', 'wss')}/api/v1/jobs/{job_id}/ws"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(address, additional_headers=headers, ssl=self.certificates, proxy=None) as channel:
            events = [json.loads(message) async for message in channel]
            assert channel.close_code == 1000
            return events


@pytest.fixture(scope="module")
def visitor(installation: Installation) -> Visitor:
    folder = installation.folder / "visitor"
    folder.mkdir()
    lay_out(folder)
    (folder / "two-amps.toml").write_text(SPEC, encoding="utf-8")
    (folder / "mute.nam").write_bytes(plain_gain(0.0))
    (folder / "silent.toml").write_text(SILENT, encoding="utf-8")
    return Visitor(installation.url, installation.token("ada"), installation.certificates(), folder)


@pytest.fixture(scope="module")
async def events(visitor: Visitor) -> list[dict[str, Any]]:
    """The events of a job that completes, watched through the proxy while it runs."""
    submitted = visitor.shootout("submit", "two-amps.toml", "--quiet")
    assert submitted.returncode == 0, submitted.stderr
    return await visitor.events(submitted.stdout.strip())


def test_every_service_runs_as_often_as_compose_says(installation: Installation) -> None:
    running = {
        name: sum(installation.inspect(each)["State"]["Running"] for each in installation.containers(name))
        for name in COMPOSE["services"]
    }
    assert running == {
        "postgres": 1, "valkey": 1, "migrate": 0, "web": 2, "worker": 2, "proxy": 1, "prometheus": 1, "grafana": 0,
    }  # fmt: skip
    (migration,) = installation.containers("migrate")
    assert installation.inspect(migration)["State"]["ExitCode"] == 0


def test_our_processes_are_unprivileged(installation: Installation) -> None:
    for service in ("web", "worker"):
        for container in installation.containers(service):
            status = installation.podman.output(
                "exec", container, "grep", "-E", "^(Uid|CapEff|NoNewPrivs)", "/proc/1/status"
            )
            assert [line.split() for line in status.splitlines()] == [
                ["Uid:", *["10001"] * 4],
                ["CapEff:", "0" * 16],
                ["NoNewPrivs:", "1"],
            ]
            assert installation.podman.run("exec", container, "touch", "/app/x", check=False).returncode != 0


def test_doctor_finds_nothing_wrong(installation: Installation) -> None:
    for service in ("web", "worker"):
        assert "Everything that is needed works." in installation.compose("exec", "-T", service, "shootout", "doctor")


def test_the_proxy_speaks_tls_and_hides_what_is_internal(installation: Installation, visitor: Visitor) -> None:
    redirect = httpx.get("http://localhost/explore", trust_env=False)
    assert (redirect.status_code, redirect.headers["location"]) == (308, "https://localhost/explore")
    with visitor.client() as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/me").json()["role"] == "administrator"
        assert {client.get(path).status_code for path in ("/metrics", "/health/live", "/health/ready")} == {404}


@pytest.mark.parametrize(("service", "port"), [("web", 8000), ("worker", 9100)])
def test_every_process_answers_its_probes(installation: Installation, service: str, port: int) -> None:
    for container in installation.containers(service):
        address = f"http://{installation.address(container)}:{port}"
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert httpx.get(f"{address}{path}", trust_env=False, timeout=60).status_code == 200


def test_a_job_is_watched_to_its_end_through_the_proxy(events: list[dict[str, Any]]) -> None:
    assert events[0]["type"] == "snapshot"
    assert events[-1]["type"] == "done"
    assert events[-1]["data"]["status"] == "completed"
    numbers = [event["seq"] for event in events[1:]]
    assert numbers == sorted(set(numbers))
    assert "artifact" in {event["type"] for event in events}


def test_its_results_have_names_in_every_script_and_are_verified(
    visitor: Visitor, events: list[dict[str, Any]]
) -> None:
    job = events[-1]["job_id"]
    assert visitor.shootout("jobs", "download", job, "--out", "results").returncode == 0
    manifest = json.loads((visitor.folder / "results" / "manifest.json").read_text(encoding="utf-8"))
    assert [segment["chain"] for segment in manifest["segments"]] == ["プレキシ", "مكبر 🎸"]
    assert "missing_glyphs" not in json.dumps(manifest)
    verified = visitor.shootout("verify", "results")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_prometheus_scrapes_every_process(installation: Installation) -> None:
    def states() -> list[tuple[str, str]]:
        targets = installation.prometheus("targets")["activeTargets"]
        return sorted((target["labels"]["job"], target["health"]) for target in targets)

    expected = [("web", "up"), ("web", "up"), ("worker", "up"), ("worker", "up")]
    eventually(lambda: states() == expected, timeout_s=SCRAPED_S)


def test_prometheus_evaluates_every_alert(installation: Installation) -> None:
    alerts = yaml.safe_load((PROJECT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]

    def rules() -> dict[str, str]:
        (group,) = installation.prometheus("rules")["groups"]
        return {rule["name"]: rule["health"] for rule in group["rules"]}

    eventually(lambda: rules() == {alert["alert"]: "ok" for alert in alerts}, timeout_s=SCRAPED_S)


def test_every_panel_of_the_dashboard_shows_a_series(
    installation: Installation, visitor: Visitor, events: list[dict[str, Any]]
) -> None:
    failed = visitor.shootout("submit", "silent.toml", "--watch")
    assert failed.returncode == 1
    dashboard = json.loads((PROJECT / "deploy/grafana/dashboards/tone-shootout.json").read_text())
    expressions = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}

    def empty() -> set[str]:
        return {expression for expression in expressions if not installation.query(expression)}

    missing: set[str] = set(expressions)

    def all_there() -> bool:
        missing.intersection_update(empty())
        return not missing

    try:
        eventually(all_there, timeout_s=SCRAPED_S)
    except AssertionError:
        pytest.fail(f"no series: {missing}")
    assert installation.query('shootout_job_failures_total{code="silent"}')
    assert installation.query("max(shootout_workers)")[0]["value"][1] == "2"


def test_requests_do_not_notice_that_a_web_process_dies(installation: Installation, visitor: Visitor) -> None:
    first, _ = installation.containers("web")
    with visitor.client() as client:
        installation.podman.run("kill", first)
        try:
            assert {client.get("/api/v1/me").status_code for _ in range(60)} == {200}
        finally:
            installation.podman.run("start", first)


def test_the_commands_of_the_readme_work(installation: Installation, events: list[dict[str, Any]]) -> None:
    """The fixture runs those that build and start."""
    lines = [line for block in blocks() if block.document == "deploy/README.md" for line in block.text.splitlines()]
    done = []
    for line in lines:
        words = shlex.split(line.replace("$PWD", str(installation.folder)))
        if words[:2] == ["docker", "compose"] and words[2] not in {"up", "build"}:
            terminal = [] if words[2] == "ps" else ["-T"]
            assert installation.compose(words[2], *terminal, *words[3:])
            done.append(words[2])
        elif words[0] == "sudo":
            subprocess.run(words[1:], cwd=installation.folder, check=True)
    assert done == ["ps", "exec", "exec", "exec", "run"]
    volume = f"--volume={installation.folder}/backup:/backup"
    assert installation.compose("run", "-T", "--rm", volume, "worker", "restore", "/backup", "--check")
    assert len(list(installation.folder.glob("backup/snapshots/*/manifest.json"))) == 1


def test_a_restart_of_all_web_processes_fails_no_request(installation: Installation, visitor: Visitor) -> None:
    """The proxy waits for one of them."""
    with ThreadPoolExecutor(1) as background, visitor.client() as client:
        restart = background.submit(installation.compose, "restart", "web")
        statuses = []
        while not restart.done():
            statuses.append(client.get("/api/v1/me").status_code)
        restart.result()
        statuses += [client.get("/api/v1/me").status_code for _ in range(20)]
    assert set(statuses) == {200}
