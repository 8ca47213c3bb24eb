"""Parts of the embedded service that are testable without starting a process."""

import os
import tempfile
from pathlib import Path

import pytest

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.folder import SOCKET_PATH_BYTES, DataFolder
from tone_shootout.embedded.service import Service, use_servers
from tone_shootout.embedded.supervisor import RESTARTS
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import load_settings

ELSEWHERE = {"SHOOTOUT_DATABASE_URL": "postgresql://db.example/x", "SHOOTOUT_REDIS_URL": "redis://db.example/0"}


def test_restart_delay_doubles_up_to_five_seconds() -> None:
    assert [RESTARTS.delay_s(failures) for failures in range(1, 9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert RESTARTS.delay_s(100_000) == 5.0


@pytest.mark.parametrize("data", ["d", "a" * 150, "deep/" * 60, "with spaces and ünïcode"])
def test_socket_paths_are_short_for_any_length_of_data_path(data: str) -> None:
    sockets = DataFolder(Path("/srv") / data).sockets
    assert len(os.fsencode(sockets / "postgres" / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES


def test_socket_paths_are_short_in_a_long_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("t" * 100)))
    sockets = DataFolder(Path("/srv/data")).sockets
    assert len(os.fsencode(sockets / "postgres" / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES


def test_aliases_of_a_data_folder_share_its_socket_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    assert DataFolder(tmp_path / "alias").sockets == DataFolder(tmp_path / "real").sockets
    assert DataFolder(tmp_path / "other").sockets != DataFolder(tmp_path / "real").sockets


def test_secrets_are_created_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    with (
        use_servers(tmp_path / "data", environ=ELSEWHERE) as first,
        use_servers(tmp_path / "data", environ=ELSEWHERE) as second,
    ):
        assert first["SHOOTOUT_SECURITY_SECRET"] == second["SHOOTOUT_SECURITY_SECRET"]
        assert len(first["SHOOTOUT_SECURITY_SECRET"]) >= 32
        KeyRing(load_settings(first).security.encryption_keys)
        assert first["SHOOTOUT_SECURITY_ENCRYPTION_KEYS"] == second["SHOOTOUT_SECURITY_ENCRYPTION_KEYS"]
    for name in ("secret", "encryption-key"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600


def test_secret_of_the_environment_takes_precedence_and_none_is_written(tmp_path: Path) -> None:
    mine = {"SHOOTOUT_SECURITY_SECRET": "mine", "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": '["mine"]'}
    with use_servers(tmp_path, environ={**ELSEWHERE, **mine}) as environ:
        assert environ.items() >= mine.items()
    assert list(tmp_path.iterdir()) == []


def test_damaged_secret_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    with (
        pytest.raises(EmbeddedError, match=r"secret is damaged: expected at least 32"),
        use_servers(tmp_path, environ=ELSEWHERE),
    ):
        pass
    assert (tmp_path / "secret").read_text() == "short\n"


def test_configured_server_urls_start_no_server(tmp_path: Path) -> None:
    with use_servers(tmp_path, environ=ELSEWHERE) as environ:
        assert environ.items() >= ELSEWHERE.items()
        assert environ["SHOOTOUT_DATA"] == str(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encryption-key", "secret"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("shootout.example", "http://shootout.example:8000"),
    ],
)
def test_url_is_reachable_on_this_machine(host: str, url: str, tmp_path: Path) -> None:
    assert Service(tmp_path, host=host).url == url
