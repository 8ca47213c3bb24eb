"""docs/servers.md leads to a watched installation of a web process and two workers, which renders a job."""

import configparser
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.support.documents import blocks
from tests.support.shared import PROJECT
from tests.support.uv import find_uv
from tone_shootout.embedded.servers import Servers

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

BLOCKS = blocks(PROJECT / "docs" / "servers.md")
INSTALL, SETTINGS, CHECK = [block.text for block in BLOCKS if block.language == "sh"]
UNITS = [block.text for block in BLOCKS if block.language == "ini"]


@pytest.fixture
def machine(tmp_path: Path, servers: Servers) -> dict[str, str]:
    """What the text names, and where it is in this test."""
    wheel = _wheel(tmp_path / "dist")
    return {
        "/usr/bin/python3": sys.executable,
        "/usr/local/bin": str(tmp_path / "bin"),
        "/opt/shootout": str(tmp_path / "opt"),
        "/etc/shootout.env": str(tmp_path / "shootout.env"),
        "/var/lib/shootout": str(tmp_path / "data"),
        "tone_shootout-0.1.0-py3-none-any.whl": str(wheel),
        "postgresql://shootout:password@db.example.org/shootout?sslmode=require": servers.create_database("docs"),
        "rediss://:password@db.example.org:6379/0": servers.redis_url.replace("db=0", "db=5"),
        "s3://bucket/shootout": (tmp_path / "objects").as_uri(),
    }


def _wheel(folder: Path) -> Path:
    subprocess.run([find_uv(), "build", "--wheel", "--out-dir", folder], cwd=PROJECT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def _here(text: str, machine: dict[str, str]) -> str:
    for name, place in machine.items():
        text = text.replace(name, place)
    return text


def _run(text: str, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@contextmanager
def _service(unit: str, environ: dict[str, str]) -> Generator[None, None, None]:
    """Run the command of a unit; end it as systemd does."""
    parser = configparser.ConfigParser()
    parser.read_string(unit)
    with subprocess.Popen(parser["Service"]["ExecStart"].split(), env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}, "both are a clean end to systemd"


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@retry(
    stop=stop_after_delay(120), wait=wait_fixed(0.2), retry=retry_if_exception_type((httpx.HTTPError, AssertionError))
)
def _is_ready(port: str) -> None:
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=10).status_code == 200


def test_the_text_leads_to_two_workers_that_render_a_job(machine: dict[str, str], folder: Path, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SHOOTOUT_", "UV_PROJECT"))}
    environ["PATH"] = os.pathsep.join((machine["/usr/local/bin"], str(Path(find_uv()).parent), environ["PATH"]))
    _run(_here(INSTALL, machine), tmp_path, environ)
    _run(_here(SETTINGS, machine), tmp_path, environ)
    file = Path(machine["/etc/shootout.env"])
    assert file.stat().st_mode & 0o077 == 0
    assert "Everything that is needed works." in _run(_here(CHECK, machine), tmp_path, environ)

    environ |= dict(re.findall(r'^(SHOOTOUT_\w+)="(.*)"$', file.read_text(), re.MULTILINE))
    ports = {name: _free_port() for name in ("web", "first", "second")}
    environ["SHOOTOUT_SERVER_PORT"] = ports["web"]
    web, worker = (_here(unit, machine) for unit in UNITS)
    with ExitStack() as services:
        services.enter_context(_service(web, environ))
        for name in ("first", "second"):
            services.enter_context(_service(worker, environ | {"SHOOTOUT_WORKER_METRICS_PORT": ports[name]}))
        for port in ports.values():
            _is_ready(port)
        token = _run("shootout user token boss --administrator", tmp_path, environ).strip()
        results = tmp_path / "results"
        client = environ | {"SHOOTOUT_URL": f"http://127.0.0.1:{ports['web']}", "SHOOTOUT_TOKEN": token}
        shutil.copytree(folder, tmp_path / "work", ignore=shutil.ignore_patterns("two-crunches*", "shootout-demo"))
        _run(f"shootout submit crunch.toml --out {results}", tmp_path / "work", client)
        assert (results / "comparison.mp4").is_file()
        metrics = httpx.get(f"http://127.0.0.1:{ports['web']}/metrics", timeout=30).text
        assert re.search(r"^shootout_workers 2\.0$", metrics, re.MULTILINE)
