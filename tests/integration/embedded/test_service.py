"""The whole service on one machine, with the commands that really run in it."""

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

from tests.integration.embedded.processes import Events, Script, eventually, family, gone
from tone_shootout.embedded.errors import EmbeddedError, InUseError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.servers import Servers
from tone_shootout.embedded.service import Service, reach, running_url
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
    """A service whose servers are somebody else's, and whose TONE3000 is a stand-in."""
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


def test_with_addresses_set_neither_server_is_started(service: Service) -> None:
    assert sorted(service.processes()) == ["TONE3000 stand-in", "web", "worker"]
    assert is_ready(service.url)


def test_the_service_is_configured_for_the_stand_in_that_runs_beside_it(service: Service) -> None:
    settings = load_settings(service.environ).tone3000
    there = httpx.get(f"{settings.base_url}/control").json()
    assert there["client_id"] == settings.client_id
    assert httpx.get(f"{settings.base_url}/api/v1/tones/trending").json()["data"]


def test_started_service_says_what_its_programs_are_told(service: Service) -> None:
    assert service.url == f"http://127.0.0.1:{service.environ['SHOOTOUT_SERVER_PORT']}"
    data = Path(service.environ["SHOOTOUT_DATA"])
    assert (data / "secret").read_text() == service.environ["SHOOTOUT_SECURITY_SECRET"]


def test_second_service_on_the_folder_is_refused(service: Service) -> None:
    with pytest.raises(InUseError, match=rf"in use by process {os.getpid()}:"):
        Service(Path(service.environ["SHOOTOUT_DATA"]), port=0).start()
    assert is_ready(service.url)


def test_port_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(EmbeddedError, match=rf"\Acan't listen on 127.0.0.1 port {port}: .*in use"):
            Service(tmp_path, port=port).start()
    assert not (tmp_path / "postgres-18").exists()


def test_setting_that_can_not_be_used_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="SHOOTOUT_WORKER_GRACE_S"):
        Service(tmp_path, port=0, environ={**os.environ, "SHOOTOUT_WORKER_GRACE_S": "soon"}).start()
    assert not (tmp_path / "postgres-18").exists()


def test_signals_are_as_before_once_it_has_stopped(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    service = Service(tmp_path, port=0, environ={**os.environ, "SHOOTOUT_WORKER_GRACE_S": "soon"})
    with pytest.raises(EmbeddedError):
        service.start()
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("victim", ["web", "worker"])
def test_killed_program_is_started_again_at_the_same_address(service: Service, events: Events, victim: str) -> None:
    events.all()
    pid = service.processes()[victim]
    os.kill(pid, signal.SIGKILL)
    events.until(f"{victim} ended (SIGKILL)")
    events.until(f"{victim} is ")
    assert gone(pid)
    assert service.processes()[victim] != pid
    assert is_ready(service.url)


def test_served_folder_survives_the_kill_of_everything_and_leaves_nothing_when_stopped(tmp_path: Path) -> None:
    data = tmp_path / "a folder with spaces"
    with Script(SERVE, data) as killed:
        assert killed.line().startswith("Tone Shootout is ready at http://127.0.0.1:")
        with reach(data, environ={}) as environ, psycopg.connect(environ["SHOOTOUT_DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        processes = family(killed.process.pid)
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.process.wait()
        if sys.platform == "linux":
            eventually(lambda: gone(*processes))

    with Script(SERVE, data) as stopped:
        url = stopped.line().rpartition(" ")[2]
        assert is_ready(url)
        assert running_url(data) == url
        with reach(data, environ={}) as environ, psycopg.connect(environ["SHOOTOUT_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
        processes = family(stopped.process.pid)
        stopped.process.send_signal(signal.SIGTERM)
        assert stopped.process.wait() == 0
        eventually(lambda: gone(*processes))
    assert running_url(data) is None
    assert not DataFolder(data).sockets.exists()
    with pytest.raises(httpx.ConnectError):
        is_ready(url)
