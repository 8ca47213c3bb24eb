"""An address is understood, or refused in one line that names its variable and nothing that is secret."""

import pytest

from tone_shootout.kit.settings import SettingsError, broker_url, parse_postgres, store_options, store_url

HERE = "postgres://u:s3cret@h/d"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://u@h/d", (("h", 5432),)),
        ("postgres://u@h:6543/d", (("h", 6543),)),
        ("postgresql+asyncpg://u@h/d", (("h", 5432),)),
        ("postgres://u@[2001:db8::1]:6543/d", (("2001:db8::1", 6543),)),
        ("postgres://u@[fe80::1%25eth0]/d", (("fe80::1%eth0", 5432),)),
        ("postgres://u@a,b:1,c/d", (("a", 5432), ("b", 1), ("c", 5432))),
        ("postgres:///d?host=a,b&port=1,2&user=u", (("a", 1), ("b", 2))),
        ("postgres://u@/d?host=/cloudsql/project:region:instance", (("/cloudsql/project:region:instance", 5432),)),
        ("postgres://u@%2Frun%2Fpostgresql/d", (("/run/postgresql", 5432),)),
        ("postgres://user@server:p@h/d", (("h", 5432),)),
    ],
)
def test_hosts_are_read_in_every_form(url: str, hosts: tuple[tuple[str, int], ...]) -> None:
    assert parse_postgres(url).hosts == hosts


def test_a_user_that_has_an_at_sign_in_it_is_read() -> None:
    found = parse_postgres("postgres://admin@server:p%40ss@server.example.com/d")
    assert (found.user, found.password, found.database) == ("admin@server", "p@ss", "d")


@pytest.mark.parametrize(
    ("url", "stated"),
    [
        ("mysql://u:s3cret@h/d", "got mysql://"),
        ("u:s3cret@h/d", "expected postgresql://"),
        ("jdbc:postgresql://h/d?password=s3cret", "expected postgresql://"),
        ("postgres://u:s3cret#x@h/d", "%23"),
        ("postgres://u:s3cret/x@h/d", "%2F"),
        ("postgres://u:s3cret?x@h/d", "unknown parameter"),
        ("postgres://u:s3cret%zz@h/d", "%25"),
        ("postgres://u:s3cret%ff@h/d", "UTF-8"),
        ("postgres://u:s3cret%00@h/d", "%00"),
        ("postgres://u:s3cret@h:port/d", "port"),
        ("postgres://u:s3cret@h:0/d", "port"),
        ("postgres://u:s3cret@h:65536/d", "port"),
        ("postgres://u:s3cret@a,b/d?port=1,2,3", "hosts"),
        ("postgres://u:s3cret@h h/d", "host"),
        ("postgres://u:s3cret@[::1/d", "host"),
        (f"{HERE}?sslmode=on", "sslmode"),
        (f"{HERE}?sslmode", "sslmode"),
        (f"{HERE}?sslmode=require&sslmode=disable", "sslmode"),
        (f"{HERE}?ssl=maybe", "ssl"),
        (f"{HERE}?ssl=false&sslmode=require", "contradicts"),
        (f"{HERE}?sslrootcert=/nowhere", "sslmode"),
        (f"{HERE}?sslmode=allow&sslrootcert=system", "verify-full"),
        (f"{HERE}?sslmode=require&sslcert=/nowhere", "/nowhere"),
        (f"{HERE}?channel_binding=yes", "channel_binding"),
        (f"{HERE}?channel_binding=require&sslmode=disable", "contradicts"),
        (f"{HERE}?connect_timeout=soon", "connect_timeout"),
        (f"{HERE}?target_session_attrs=standby", "target_session_attrs"),
        (f"{HERE}?client_encoding=latin1", "client_encoding"),
        (f"{HERE}?connection_limit=5", "SHOOTOUT_DATABASE_POOL_SIZE"),
        (f"{HERE}?prepared_statement_cache_size=0", "SHOOTOUT_DATABASE_POOLER"),
        (f"{HERE}?sslcrl=/x", "unknown parameter"),
        (f"{HERE}?gssencmode=require", "gssencmode"),
    ],
)
def test_an_address_of_postgresql_that_is_not_understood_is_refused(url: str, stated: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_postgres(url, "SHOOTOUT_QUEUE_URL").asyncpg()
    message = str(refused.value)
    assert message.startswith("SHOOTOUT_QUEUE_URL: ")
    assert stated in message
    assert "s3cret" not in message
    assert "\n" not in message


def test_a_check_needs_authorities_that_can_be_read() -> None:
    for query in ("sslmode=verify-full&sslrootcert=/nowhere", "sslmode=verify-ca&sslrootcert=/nowhere"):
        address = parse_postgres(f"{HERE}?{query}")
        for arguments in (address.asyncpg, address.psycopg):
            with pytest.raises(SettingsError, match="SHOOTOUT_DATABASE_URL: sslrootcert=/nowhere"):
                arguments()


def test_a_pooler_is_seen_in_the_address() -> None:
    assert parse_postgres(f"{HERE}?pgbouncer=true").pooled
    assert not parse_postgres(f"{HERE}?pgbouncer=false").pooled


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("valkey://h", "redis://h"),
        ("valkeys://u:p@h:6380/1", "rediss://u:p@h:6380/1"),
        ("redis://:p%40ss@h:6379/0", "redis://:p%40ss@h:6379/0"),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=false"),
        ("unix:///run/valkey.sock?db=2", "unix:///run/valkey.sock?db=2"),
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("REDIS://h", "redis://h"),
    ],
)
def test_addresses_of_valkey_and_redis_are_read(url: str, read: str) -> None:
    assert broker_url(url) == read


@pytest.mark.parametrize(
    ("url", "stated"),
    [
        ("redis+sentinel://:s3cret@a:26379,b:26379/mymaster", "Sentinel"),
        ("sentinel://:s3cret@a", "Sentinel"),
        ("redis-cluster://:s3cret@a", "Cluster"),
        ("redis://:s3cret@a:1,b:2", "Cluster"),
        ("localhost:6379", "valkey://"),
        ("http://h", "got http://"),
        ("cache.example.net:6380,password=s3cret,ssl=True", "valkey://"),
        ("redis://:s3cret@h:port", "port"),
        ("redis://:s3cret@h:70000", "port"),
        ("redis://h/first", "number"),
        ("redis://h/0?db=1", "once"),
        ("redis://h?db=first", "db"),
        ("redis://h?foo=1", "'foo'"),
        ("redis://:s3cret/x@h:6379", "%XX"),
        ("redis://:s3cret#x@h", "%23"),
        ("redis://h?ssl_cert_reqs=none", "rediss://"),
        ("rediss://h?ssl_cert_reqs=never", "ssl_cert_reqs"),
        ("rediss://h?ssl_ca_certs=/nowhere", "ssl_ca_certs"),
        ("redis://h?socket_timeout=soon", "socket_timeout"),
        ("unix://relative.sock", "unix:///"),
        ("redis://", "host"),
    ],
)
def test_an_address_of_a_broker_that_is_not_understood_is_refused(url: str, stated: str) -> None:
    with pytest.raises(SettingsError) as refused:
        broker_url(url)
    message = str(refused.value)
    assert message.startswith("SHOOTOUT_REDIS_URL: ")
    assert stated in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"aws_endpoint": "fra1.example.com"}, {"aws_endpoint": "https://fra1.example.com"}),
        ({"endpoint_url": "http://h:9000/"}, {"aws_endpoint": "http://h:9000", "allow_http": "true"}),
        ({"AWS_ENDPOINT_URL": "HTTPS://h"}, {"aws_endpoint": "https://h"}),
        ({"region": "", "session_token": "t"}, {"aws_session_token": "t"}),
        ({"force_path_style": "true"}, {"aws_virtual_hosted_style_request": "false"}),
        (
            {"addressing_style": "virtual", "endpoint": "h"},
            {"aws_virtual_hosted_style_request": "true", "aws_endpoint": "https://b.h"},
        ),
    ],
)
def test_options_of_a_bucket_are_read_as_hosters_name_them(given: dict[str, str], read: dict[str, str]) -> None:
    assert store_options("s3://b/p", given) == read


@pytest.mark.parametrize("options", [{"aws_endpoint": "ftp://h"}, {"endpoint": "h h"}, {"force_path_style": "perhaps"}])
def test_options_of_a_bucket_that_are_not_understood_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_STORAGE_OPTIONS"):
        store_options("s3://b", options)


def test_a_folder_may_be_named_by_its_path() -> None:
    assert store_url("/srv/my objects") == "file:///srv/my%20objects"


@pytest.mark.parametrize(
    "url",
    [
        "srv/x",
        "file:relative",
        "file://host/x",
        "s3://",
        "s3:///p",
        "ftp://h/x",
        "s3://key:s3cret@b",
        "s3://b?x=s3cret",
    ],
)
def test_an_address_of_a_store_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="SHOOTOUT_STORAGE_URL") as refused:
        store_url(url)
    assert "s3cret" not in str(refused.value)
