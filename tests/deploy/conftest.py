"""The image of the service, built from `deploy/Dockerfile`, and an installation of it, by `compose.yml`.

Where the machine can't run containers, the tests are skipped with the reason.
"""

import json
import re
import shutil
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import containers
from tests.support.containers import Podman
from tests.support.processes import eventually
from tests.support.shared import PROJECT
from tone_shootout.kit.settings import new_encryption_key, new_secret

BASE = "localhost/debian"
IMAGE = "localhost/tone-shootout"
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yml").read_text())
STAND_INS = {
    "postgres": COMPOSE["services"]["postgres"]["image"],
    "valkey": COMPOSE["services"]["valkey"]["image"],
    "caddy": COMPOSE["services"]["proxy"]["image"],
    "prometheus": COMPOSE["services"]["prometheus"]["image"],
    "compose": "localhost/compose",
}
WITHOUT_STAND_IN = {"grafana"}
"""Services of `compose.yml` that do not run: no package of Debian's has Grafana."""
READY_S = 240
SPEC = """
schema = 1
title = "Two amps"
[[di_tracks]]
name = "Riff"
file = "riff.wav"
[[chains]]
name = "プレキシ"
blocks = [{ type = "capture", file = "a.nam" }, { type = "cab_ir", file = "cab-a.wav" }]
[[chains]]
name = "مكبر 🎸"
blocks = [{ type = "capture", file = "b.nam" }, { type = "cab_ir", file = "cab-b.wav" }]
"""


@pytest.fixture(scope="session")
def podman() -> Generator[Podman, None, None]:
    if reason := containers.missing():
        pytest.skip(f"containers can't be built here; missing: {reason}")
    with containers.podman() as made:
        made.make_base(BASE)
        yield made


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The image of the service."""
    containers.build_service(podman, BASE, IMAGE)
    return IMAGE


@dataclass(frozen=True)
class Installation:
    """A running installation."""

    podman: Podman
    folder: Path
    url: str

    def compose(self, *arguments: str) -> str:
        """Run Docker Compose and return what it writes."""
        return self.podman.compose(self.folder, *arguments).stdout.strip()

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers."""
        return self.compose("ps", "--all", "--quiet", service).split()

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what podman knows of a container."""
        (found,) = json.loads(self.podman.output("inspect", container))
        return dict(found)

    def address(self, container: str) -> str:
        """Return the address of a container in the network of the installation."""
        (network,) = self.inspect(container)["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def certificates(self) -> ssl.SSLContext:
        """Return a context that trusts the authority of the proxy."""
        target = self.folder / "authority.crt"
        (proxy,) = self.containers("proxy")
        self.podman.run("cp", f"{proxy}:/data/caddy/pki/authorities/local/root.crt", target)
        return ssl.create_default_context(cafile=target)

    def token(self, name: str) -> str:
        """Make a user in the way of deploy/README.md, and return the token."""
        return self.compose("exec", "-T", "web", "shootout", "user", "token", name, "--administrator").splitlines()[-1]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression of Prometheus."""
        return list(self.prometheus("query", query=expression)["result"])

    def prometheus(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return data of Prometheus's API."""
        (container,) = self.containers("prometheus")
        answer = httpx.get(
            f"http://{self.address(container)}:9090/api/v1/{path}", params=parameters, timeout=60, trust_env=False
        )
        return dict(answer.raise_for_status().json()["data"])


def _filled_in() -> str:
    """Return the example of settings as an operator fills it in."""
    values = {
        # A name for which Caddy's own authority signs.
        "SHOOTOUT_SERVER_PUBLIC_URL": "https://localhost",
        "POSTGRES_PASSWORD": new_secret(),
        "GRAFANA_PASSWORD": new_secret(),
        "SHOOTOUT_SECURITY_SECRET": new_secret(),
        "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": f'["{new_encryption_key()}"]',
    }
    text = (PROJECT / "deploy" / "example.env").read_text()
    for name, value in values.items():
        text, found = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert found == 1, name
    return text


@pytest.fixture(scope="session")
def installation(podman: Podman, image: str) -> Generator[Installation, None, None]:
    """All services of `compose.yml` but Grafana, as Docker Compose starts them."""
    containers.build_stand_ins(podman, BASE, STAND_INS)
    folder = podman.folder / "installation"
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    shutil.copy(PROJECT / "compose.yml", folder)
    (folder / ".env").write_text(_filled_in())
    services = sorted(COMPOSE["services"].keys() - WITHOUT_STAND_IN)
    with podman.serving():
        made = Installation(podman, folder, "https://localhost")
        started = podman.compose(folder, "up", "--detach", "--no-build", "--pull", "never", *services, check=False)
        try:
            assert started.returncode == 0, started.stderr + _logs(made)
            eventually(lambda: _all_healthy(made), timeout_s=READY_S)
            yield made
        finally:
            podman.compose(folder, "down", "--volumes", check=False)


def _all_healthy(installation: Installation) -> bool:
    health = [installation.inspect(each)["State"]["Health"]["Status"] for each in _with_checks(installation)]
    return set(health) == {"healthy"}


def _with_checks(installation: Installation) -> list[str]:
    names = [name for name, service in COMPOSE["services"].items() if "healthcheck" in service]
    return [container for name in names for container in installation.containers(name)]


def _logs(installation: Installation) -> str:
    return installation.podman.compose(installation.folder, "logs", "--tail=30", check=False).stdout
