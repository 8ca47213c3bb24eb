"""Embedded PostgreSQL and Valkey: real servers, killed by real signals."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.processes import Events, Script, all_exited, eventually, process_tree
from tone_shootout.embedded.errors import EmbeddedError, InUseError
from tone_shootout.embedded.folder import DataFolder
from tone_shootout.embedded.launch import launch_command
from tone_shootout.embedded.postgres import NAME, Postgres
from tone_shootout.embedded.servers import Servers
from tone_shootout.embedded.service import use_servers
from tone_shootout.embedded.supervisor import Program
from tone_shootout.embedded.valkey import Valkey

IN_A_PROCESS = """
import signal, sys
from pathlib import Path
from tone_shootout.embedded.servers import Servers

with Servers(Path(sys.argv[1])) as servers:
    print(*servers.processes().values(), flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder shared by several tests, because creating one is the slowest step."""
    return tmp_path_factory.mktemp("servers") / "data"


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def key_value(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


async def test_urls_are_accepted_by_every_client_library_in_use(servers: Servers) -> None:
    assert query(servers.database_url, "SELECT current_database()") == "shootout"
    engine = create_async_engine(servers.database_url.replace("postgresql", "postgresql+asyncpg"))
    async with engine.connect() as session:
        assert await session.scalar(text("SELECT current_user")) == "shootout"
    await engine.dispose()
    with key_value(servers.redis_url) as client:
        assert client.ping()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
def test_cluster_has_default_durability_and_expected_settings(servers: Servers, setting: str, expected: str) -> None:
    assert query(servers.database_url, f"SHOW {setting}") == expected


def test_text_sorts_by_code_point_and_maps_case_beyond_ascii(servers: Servers) -> None:
    assert query(servers.database_url, "SELECT lower('ÉTÉ')") == "été"
    assert query(servers.database_url, "SELECT 'Z' < 'a' AND 'a' < 'é'") is True


def test_no_server_opens_a_tcp_port(servers: Servers) -> None:
    assert query(servers.database_url, "SHOW listen_addresses") == ""
    with key_value(servers.redis_url) as client:
        assert client.config_get("port", "tls-port") == {"port": "0", "tls-port": "0"}


def test_socket_folder_is_not_listable_by_other_users(servers: Servers) -> None:
    with key_value(servers.redis_url) as client:
        path = Path(client.connection_pool.connection_kwargs["path"])
    folders = [path.parent, path.parent / "postgres"]
    assert [stat.S_IMODE(folder.stat().st_mode) & 0o066 for folder in folders] == [0, 0]
    assert stat.S_IMODE(folders[1].stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_database_is_created_as_a_copy_of_a_template(servers: Servers) -> None:
    original = servers.create_database("original")
    query(original, "CREATE TABLE tones (name text)")
    query(original, "INSERT INTO tones VALUES ('crunch')")
    copy = servers.create_database("a copy & more", template="original")
    assert query(copy, "SELECT name FROM tones") == "crunch"
    with pytest.raises(EmbeddedError, match=r"can't create the database original: .*already exists"):
        servers.create_database("original")


def test_second_instance_on_a_folder_is_refused_with_the_process_id_of_the_first(data: Path) -> None:
    with Servers(data), pytest.raises(InUseError, match=rf"in use by process {os.getpid()}:"):
        Servers(data).start()


def test_command_uses_the_servers_of_a_running_instance_or_starts_its_own(data: Path) -> None:
    with Servers(data) as running:
        query(running.database_url, "CREATE TABLE reached (n int)")
        with use_servers(data, environ={}) as environ:
            assert environ["SHOOTOUT_DATABASE_URL"] == running.database_url
            assert environ["SHOOTOUT_REDIS_URL"] == running.redis_url
        assert query(running.database_url, "SELECT count(*) FROM reached") == 0
    with use_servers(data, environ={}) as environ:
        assert query(environ["SHOOTOUT_DATABASE_URL"], "SELECT count(*) FROM reached") == 0
    with pytest.raises(psycopg.OperationalError):
        query(environ["SHOOTOUT_DATABASE_URL"], "SELECT 1")


def test_folder_of_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres-17").mkdir()
    with pytest.raises(EmbeddedError, match=r"holds postgres-17, expected postgres-18"):
        Servers(tmp_path).start()
    (tmp_path / "postgres-17").rename(tmp_path / "postgres-18")
    with pytest.raises(EmbeddedError, match=r"holds data of no PostgreSQL, expected PostgreSQL 18"):
        Servers(tmp_path).start()
    (tmp_path / "postgres-18" / "PG_VERSION").write_text("19\n")
    with pytest.raises(EmbeddedError, match=r"holds data of 19, expected PostgreSQL 18"):
        Servers(tmp_path).start()


def test_folder_that_can_not_be_created_gives_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match=r"\Acan't use the data folder .*Not a directory.*\Z"):
        Servers(tmp_path / "file" / "data").start()


def test_socket_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    sockets = DataFolder(tmp_path).sockets
    sockets.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedError, match="belongs to another user"):
            Servers(tmp_path).start()
    finally:
        sockets.unlink()


def test_start_after_an_interrupted_first_start_succeeds(tmp_path: Path) -> None:
    abandoned = tmp_path / "postgres-18.new-killed"
    (abandoned / "base").mkdir(parents=True)
    with Servers(tmp_path) as servers:
        assert query(servers.database_url, "SELECT 1") == 1
    assert not abandoned.exists()


def test_long_data_path_with_spaces_and_accents_works_on_each_start(tmp_path: Path) -> None:
    data = tmp_path / ("a long, accentué path, " * 7)[:150]
    for expected in ("1", "2"):
        with Servers(data) as servers, key_value(servers.redis_url) as client:
            assert query(servers.database_url, "SELECT 1") == 1
            assert str(client.incr("starts")) == expected


def test_stopped_servers_leave_no_process_and_no_sockets(data: Path) -> None:
    with Servers(data) as servers:
        processes = [pid for leader in servers.processes().values() for pid in process_tree(leader)]
    assert len(processes) > 2
    assert all_exited(*processes)
    assert not DataFolder(data).sockets.exists()


@pytest.mark.parametrize("victim", [NAME, "Valkey"])
def test_killed_server_is_restarted_with_its_data(data: Path, victim: str) -> None:
    events = Events()
    with Servers(data, on_event=events) as servers:
        query(servers.database_url, "CREATE TABLE IF NOT EXISTS jobs AS SELECT generate_series(1, 1000) AS n")
        with key_value(servers.redis_url) as client:
            client.set("key", "value")
        events.until("Valkey is ready")
        os.kill(servers.processes()[victim], signal.SIGKILL)
        events.until(f"{victim} exited (SIGKILL)")
        events.until(f"{victim} is ready")
        assert query(servers.database_url, "SELECT count(*) FROM jobs") == 1000
        with key_value(servers.redis_url) as client:
            assert client.get("key") == "value"


def test_acknowledged_writes_survive_a_kill_of_all_processes(data: Path) -> None:
    written = 0
    for _ in range(2):
        with Script(IN_A_PROCESS, data) as script:
            leaders = [int(pid) for pid in script.line().split()]
            folder = DataFolder(data)
            with psycopg.connect(Postgres(folder).url(), autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS acknowledged (n int)")
                with key_value(Valkey(folder).url) as client:
                    for _ in range(20):
                        written += 1
                        connection.execute("INSERT INTO acknowledged VALUES (%s)", [written])
                        client.rpush("acknowledged", written)
                    victims = [script.process.pid, *(pid for leader in leaders for pid in process_tree(leader))]
                    for pid in victims:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
            script.process.wait()
    with Servers(data) as servers, key_value(servers.redis_url) as client:
        assert query(servers.database_url, "SELECT count(DISTINCT n) FROM acknowledged") == written
        assert client.lrange("acknowledged", 0, -1) == [str(n) for n in range(1, written + 1)]


def leave_running(program: Program) -> subprocess.Popen[bytes]:
    """Start a program without the signal that ends it with its supervisor, as on macOS, and leave it running."""
    command = launch_command(program.command, writes=program.writes, orphan_signal=0, account=program.account)
    process = subprocess.Popen(command, cwd=program.folder, env=dict(program.environ), start_new_session=True)
    assert program.ready is not None
    ready = program.ready
    eventually(lambda: ready(process.pid))
    return process


def test_servers_that_outlived_their_supervisor_are_stopped_and_replaced(data: Path) -> None:
    folder = DataFolder(data)
    folder.acquire()
    postgres, valkey = Postgres(folder), Valkey(folder)
    leftovers = [leave_running(program) for program in (postgres.program(), valkey.program())]
    query(postgres.url(), "CREATE TABLE kept AS SELECT 7 AS n")
    folder.release()
    with Servers(data) as servers:
        assert [process.wait(timeout=0) for process in leftovers] == [0, 0]
        assert query(servers.database_url, "SELECT n FROM kept") == 7


def test_reused_process_id_of_a_dead_postmaster_does_not_block_the_start(data: Path) -> None:
    with Servers(data):
        pass
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        pid_file = data / "postgres-18" / "postmaster.pid"
        pid_file.write_text(f"{bystander.pid}\n{data}/postgres-18\n1700000000\n5432\n/tmp\n\n\n")
        cluster = pid_file.parent.stat()
        os.chown(pid_file, cluster.st_uid, cluster.st_gid)
        with Servers(data) as servers:
            assert query(servers.database_url, "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


if os.geteuid() == 0:

    def test_as_root_the_database_runs_as_another_user_with_folder_permissions_unchanged(tmp_path: Path) -> None:
        home = tmp_path / "home"
        data = home / "data"
        home.mkdir(mode=0o700)
        with Servers(data) as servers:
            postmaster = psutil.Process(servers.processes()[NAME])
            assert postmaster.uids().effective != 0
            assert postmaster.gids().effective != 0
            owners = {path.name: path.stat().st_uid for path in data.iterdir()}
            assert owners.pop("postgres-18") == postmaster.uids().effective
            assert set(owners.values()) == {0}
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (home, data)] == [0o700, 0o700]

    def test_as_root_the_database_has_no_capability_except_folder_access(servers: Servers) -> None:
        status = Path(f"/proc/{servers.processes()[NAME]}/status").read_text()
        held = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}
        dac_override, dac_read_search = 1 << 1, 1 << 2
        for kind in ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:"):
            assert held[kind] in (0, dac_override, dac_read_search)
        assert "NoNewPrivs:\t1" in status

    def test_as_root_the_database_runs_as_the_owner_of_the_cluster(data: Path) -> None:
        with Servers(data):
            pass
        shutil.chown(data / "postgres-18", user=65534, group=65534)
        for folder, folders, files in os.walk(data / "postgres-18"):
            for name in (*folders, *files):
                os.chown(Path(folder, name), 65534, 65534)
        with Servers(data) as servers:
            assert psutil.Process(servers.processes()[NAME]).uids().effective == 65534
            assert query(servers.database_url, "SELECT 1") == 1


def test_copy_of_a_stopped_folder_is_a_complete_backup(tmp_path: Path) -> None:
    with Servers(tmp_path / "original") as servers:
        query(servers.database_url, "CREATE TABLE kept AS SELECT 42 AS n")
        key_value(servers.redis_url).set("kept", "42")
    subprocess.run(["cp", "-a", tmp_path / "original", tmp_path / "copy"], check=True)
    with Servers(tmp_path / "original"), Servers(tmp_path / "copy") as copy:
        assert query(copy.database_url, "SELECT n FROM kept") == 42
        assert key_value(copy.redis_url).get("kept") == "42"
