"""The whole service on one machine, with its real commands."""

import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.processes import Events, Script, all_exited, eventually, process_tree
from tone_shootout.embedded.errors import EmbeddedError, InUseError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.servers import Servers
from tone_shootout.embedded.service import Service, running_url, use_servers
from tone_shootout.kit.settings import load_settings

pytestmark = pytest.mark.slow

SERVE = """
import sys
from tone_shootout.cli import main

main(["serve", "--port", "0", "--data", sys.argv[1]])
"""


@pytest.fixture(scope="module")
def events() -> Events:
    return Events()


@pytest.fixture(scope="module")
def service(
    servers: Servers, events: Events, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Service, None, None]:
    """A service on external servers, with the TONE3000 stand-in."""
    environ = {
        **os.environ,
        "SHOOTOUT_DATABASE_URL": servers.create_database("service"),
        "SHOOTOUT_REDIS_URL": servers.redis_url,
        "SHOOTOUT_QUEUE_NAME": "service",
    }
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, port=0, environ=environ, fake_tone3000=True, on_event=events) as running:
        yield running


def is_ready(url: str) -> bool:
    return httpx.get(f"{url}/health/ready").status_code == 200


def test_configured_server_urls_start_no_server(service: Service) -> None:
    assert sorted(service.processes()) == ["TONE3000 stand-in", "web", "worker"]
    assert is_ready(service.url)


def test_service_is_configured_for_its_stand_in(service: Service) -> None:
    settings = load_settings(service.environ).tone3000
    there = httpx.get(f"{settings.base_url}/control").json()
    assert there["client_id"] == settings.client_id
    assert httpx.get(f"{settings.base_url}/api/v1/tones/trending").json()["data"]


def test_started_service_exposes_the_environment_of_its_programs(service: Service) -> None:
    assert service.url == f"http://127.0.0.1:{service.environ['SHOOTOUT_SERVER_PORT']}"
    data = Path(service.environ["SHOOTOUT_DATA"])
    assert (data / "secret").read_text() == service.environ["SHOOTOUT_SECURITY_SECRET"]


def test_second_service_on_a_folder_is_refused(service: Service) -> None:
    with pytest.raises(InUseError, match=rf"in use by process {os.getpid()}:"):
        Service(Path(service.environ["SHOOTOUT_DATA"]), port=0).start()
    assert is_ready(service.url)


def test_port_in_use_is_refused_before_any_program_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(EmbeddedError, match=rf"\Acan't listen on 127.0.0.1 port {port}: .*in use"):
            Service(tmp_path, port=port).start()
    assert not (tmp_path / "postgres-18").exists()


def test_invalid_setting_is_refused_before_any_program_starts(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="SHOOTOUT_WORKER_GRACE_S"):
        Service(tmp_path, port=0, environ={**os.environ, "SHOOTOUT_WORKER_GRACE_S": "soon"}).start()
    assert not (tmp_path / "postgres-18").exists()


def test_signal_handlers_are_restored_after_a_stop(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    service = Service(tmp_path, port=0, environ={**os.environ, "SHOOTOUT_WORKER_GRACE_S": "soon"})
    with pytest.raises(EmbeddedError):
        service.start()
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("victim", ["web", pytest.param("worker", marks=pytest.mark.thorough)])
def test_killed_program_is_restarted_at_the_same_url(service: Service, events: Events, victim: str) -> None:
    events.all()
    pid = service.processes()[victim]
    os.kill(pid, signal.SIGKILL)
    events.until(f"{victim} exited (SIGKILL)")
    events.until(f"{victim} is ")
    assert all_exited(pid)
    assert service.processes()[victim] != pid
    assert is_ready(service.url)


@pytest.mark.thorough
def test_data_survive_a_kill_of_all_processes_and_a_stop_leaves_none_running(tmp_path: Path) -> None:
    data = tmp_path / "a folder with spaces"
    with Script(SERVE, data) as killed:
        assert killed.line().startswith("Tone Shootout is ready at http://127.0.0.1:")
        with use_servers(data, environ={}) as environ, psycopg.connect(environ["SHOOTOUT_DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        processes = process_tree(killed.process.pid)
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.process.wait()
        if sys.platform == "linux":
            eventually(lambda: all_exited(*processes))

    with Script(SERVE, data) as stopped:
        url = stopped.line().rpartition(" ")[2]
        assert is_ready(url)
        assert running_url(data) == url
        with use_servers(data, environ={}) as environ, psycopg.connect(environ["SHOOTOUT_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
        processes = process_tree(stopped.process.pid)
        stopped.process.send_signal(signal.SIGTERM)
        assert stopped.process.wait() == 0
        eventually(lambda: all_exited(*processes))
    assert running_url(data) is None
    assert not DataFolder(data).sockets.exists()
    with pytest.raises(httpx.ConnectError):
        is_ready(url)
