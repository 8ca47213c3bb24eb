"""One address leads both drivers to the database in the same way, with libpq's meaning of every word of it."""

import ssl
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import psycopg
import pytest

from tests.support.tls_front import Front, Seen, fronting, make_certificates
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import Settings, SettingsError, parse_postgres

EVERY_CHARACTER = "".join(map(chr, range(1, 127))) + "äß€🎸"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
async def running(settings: Settings, certificates: Path) -> AsyncGenerator[Front, None]:
    async with fronting(_socket(settings.database.url), certificates) as found:
        yield found


@pytest.fixture
def front(running: Front) -> Front:
    running.seen.clear()
    running.refuses = ""
    return running


def _socket(url: str) -> str:
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"


def _url(front: Front, query: str = "", *, host: str = "localhost", password: str = "secret") -> str:
    return f"postgres://shootout:{quote(password, safe='')}@{host}:{front.port}/tests?{query}".rstrip("?")


async def _connect(url: str) -> None:
    """Ask something by either driver."""
    address = parse_postgres(url)
    first = await asyncpg.connect(**address.asyncpg())
    assert await first.fetchval("SELECT current_database()") == address.database
    await first.close()
    async with await psycopg.AsyncConnection.connect(**address.psycopg()) as second:
        row = await (await second.execute("SELECT current_database()")).fetchone()
        assert row == (address.database,)


async def _refused(url: str) -> None:
    """See either driver go away before it has said who it is."""
    address = parse_postgres(url)
    with pytest.raises((ssl.SSLError, OSError, asyncpg.PostgresError)):
        await asyncpg.connect(**address.asyncpg())
    with pytest.raises(psycopg.OperationalError):
        await psycopg.AsyncConnection.connect(**address.psycopg())


def _both(front: Front) -> Seen:
    first, second = front.seen
    assert (first.is_encrypted, first.password) == (second.is_encrypted, second.password)
    return first


@pytest.mark.parametrize(
    ("query", "encrypted"),
    [
        ("", True),
        ("sslmode=disable", False),
        ("sslmode=allow", False),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        ("ssl=true", True),
        ("ssl=false", False),
        ("ssl=require", True),
        ("ssl=true&sslmode=require", True),
        ("sslmode=disable&channel_binding=prefer", False),
        ("sslmode=require&channel_binding=disable&gssencmode=disable", True),
        ("sslmode=require&ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3", True),
    ],
)
async def test_the_mode_decides_what_is_encrypted(front: Front, query: str, encrypted: bool) -> None:
    await _connect(_url(front, query))
    assert _both(front).is_encrypted is encrypted


async def test_allow_and_prefer_go_the_other_way_where_the_first_is_refused(front: Front) -> None:
    front.refuses = "plain"
    await _connect(_url(front, "sslmode=allow"))
    assert _both(front).is_encrypted
    front.seen.clear()
    front.refuses = "encrypted"
    await _connect(_url(front, "sslmode=prefer"))
    assert not _both(front).is_encrypted
    await _refused(_url(front, "sslmode=require"))


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_certificate_of_the_named_authority_is_believed_and_no_other(
    front: Front, certificates: Path, mode: str
) -> None:
    await _connect(_url(front, f"sslmode={mode}&sslrootcert={certificates}/ca.crt"))
    assert _both(front).is_encrypted
    await _refused(_url(front, f"sslmode={mode}&sslrootcert={certificates}/other.crt"))


async def test_only_a_full_check_looks_at_the_host_s_name(front: Front, certificates: Path) -> None:
    await _connect(_url(front, f"sslmode=verify-ca&sslrootcert={certificates}/ca.crt", host="127.0.0.1"))
    await _refused(_url(front, f"sslmode=verify-full&sslrootcert={certificates}/ca.crt", host="127.0.0.1"))


async def test_authorities_of_the_system_mean_a_full_check(front: Front) -> None:
    await _refused(_url(front, "sslrootcert=system"))
    assert front.seen == []


async def test_channel_binding_is_never_dropped_silently(front: Front, certificates: Path) -> None:
    # This driver has none, and checks certificate and name instead; libpq insists on the real one.
    good = parse_postgres(_url(front, f"sslmode=require&channel_binding=require&sslrootcert={certificates}/ca.crt"))
    await (await asyncpg.connect(**good.asyncpg())).close()
    with pytest.raises(psycopg.OperationalError, match="channel binding"):
        await psycopg.AsyncConnection.connect(**good.psycopg())
    await _refused(_url(front, "sslmode=require&channel_binding=require"))
    with pytest.raises(SettingsError, match="SHOOTOUT_DATABASE_URL: channel_binding=require"):
        parse_postgres(_url(front, "channel_binding=require", host="%2Ftmp")).asyncpg()


async def test_a_certificate_of_ours_is_shown(front: Front, certificates: Path) -> None:
    client = f"{certificates}/client.pem"
    await _connect(
        _url(front, f"sslmode=verify-full&sslrootcert={certificates}/ca.crt&sslcert={client}&sslkey={client}")
    )
    assert [seen.certificate for seen in front.seen] == [True, True]


async def test_every_character_of_a_password_arrives(front: Front) -> None:
    await _connect(_url(front, "sslmode=require", password=EVERY_CHARACTER))
    assert _both(front).password == EVERY_CHARACTER


async def test_the_name_of_the_application_arrives(front: Front) -> None:
    await _connect(_url(front, "application_name=two%20words&connect_timeout=7"))
    assert [seen.parameters["application_name"] for seen in front.seen] == ["two words"] * 2


async def test_hosts_are_tried_in_their_order(front: Front) -> None:
    url = _url(front, "target_session_attrs=read-write").replace(
        "localhost:", f"127.0.0.1:1,127.0.0.1:{front.port},[::1]:"
    )
    await _connect(url)
    assert len(front.seen) == 2


async def test_ipv6_hosts_stand_in_brackets(settings: Settings, certificates: Path) -> None:
    async with fronting(_socket(settings.database.url), certificates, host="::1") as front:
        await _connect(_url(front, "sslmode=require", host="[::1]"))
        assert _both(front).is_encrypted


async def test_sockets_are_named_by_their_folder(servers: Servers, settings: Settings) -> None:
    folder = str(Path(_socket(settings.database.url)).parent)
    for url in (
        f"///tests?host={folder}&user=shootout",
        f"//shootout@{quote(folder, safe='')}:5432/tests?sslmode=require",
    ):
        await _connect(f"postgresql:{url}")
