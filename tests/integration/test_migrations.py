"""The history of the schema leads from nothing to the models, and back, whatever is in the database."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.support.live import environ_of
from tests.support.rows import fill
from tone_shootout import migrations
from tone_shootout.embedded.servers import Servers
from tone_shootout.kit.settings import DatabaseSettings, Settings


@pytest.fixture
def database(servers: Servers) -> str:
    """A new, empty database."""
    return servers.create_database(f"migrations_{uuid4().hex}")


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows} - {"schema_version"}


def test_an_empty_database_becomes_what_the_models_say(database: str) -> None:
    migrations.upgrade(database)
    migrations.check(database)


def test_upgrading_twice_changes_nothing_and_loses_nothing(database: str) -> None:
    migrations.upgrade(database)
    fill(database)
    migrations.upgrade(database)
    with psycopg.connect(database) as connection:
        for table in _tables(database):
            assert connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() == (1,), table


def test_a_filled_database_goes_all_the_way_back_and_forth(database: str) -> None:
    migrations.upgrade(database)
    fill(database)
    migrations.downgrade(database, "base")
    assert _tables(database) == set()
    migrations.upgrade(database)
    migrations.check(database)


def test_stored_documents_follow_the_names_of_fields_both_ways(database: str) -> None:
    blocks = [
        {"type": "gain", "gain_db": 1.5, "bypass": False},
        {"type": "eq", "bands": [{"type": "peak", "frequency_hz": 800.0, "gain_db": 2.0, "q": 0.9}]},
        {"type": "delay", "time_ms": 380.0},
        {"type": "reverb", "reverb_type": "plate"},
        {"type": "capture", "asset": "x"},
    ]
    fetched = {"name": "Two", "blocks": [{"type": "capture", "tone3000": {"tone_id": 7, "model_id": 8}}]}
    config: dict[str, Any] = {"title": "All", "chains": [{"name": "One", "blocks": blocks}]}
    terms = {"license": "cc-by", "license_name": "CC BY", "license_url": "", "title": "Plexi"}
    facts = {"kind": "capture", "size_bytes": 9, "sample_rate_hz": 48_000, "gear": "amp", "parts": [{"gear": "amp"}]}
    sound = {"kind": "di_track", "size_bytes": 9, "sample_rate_hz": 44_100, "duration_s": 1.5}
    assets = {
        "a.nam": {"sha256": "00", "facts": facts, "credit": terms},
        "b.wav": {"sha256": "00", "facts": sound, "credit": None},
    }
    inputs = {"spec": config, "assets": assets, "wanted": [{"file": "c", "tone_id": 7, "model_id": 8}]}
    segment = {"position": 1, "status": "leveled"}
    documents = {
        "shootout.config": {**config, "chains": [*config["chains"], fetched]},
        "job.inputs": inputs,
        "library_item.source": {**terms, "model_name": "Gain 3", "gear": "amp_cab"},
        "library_item.facts": facts,
        "webhook_delivery.log": [{"duration_ms": 3, "http_status": 204, "error": None}],
    }
    migrations.upgrade(database)
    fill(database)
    with psycopg.connect(database) as connection:
        for place, document in documents.items():
            table, _, column = place.partition(".")
            connection.execute(f"UPDATE {table} SET {column} = %s".encode(), [json.dumps(document)])
        connection.execute("UPDATE job_event SET type = 'segment', data = %s", [json.dumps(segment)])

    def stored() -> str:
        with psycopg.connect(database) as connection:
            found = [
                connection.execute(
                    f"SELECT {place.partition('.')[2]} FROM {place.partition('.')[0]}".encode()
                ).fetchone()
                for place in documents
            ]
            return json.dumps([*found, connection.execute("SELECT data FROM job_event").fetchone()], sort_keys=True)

    after = stored()
    migrations.downgrade(database, "0010")
    before = stored()
    assert all(name in before for name in ('"ms": 380.0', '"hz": 800.0', '"kind": "plate"', '"db": 1.5', '"levelled"'))
    assert all(name in before for name in ('"licence": "cc-by"', '"licence_name"', '"licence_url"'))
    assert not any(name in before for name in ("time_ms", "frequency_hz", "gain_db", "reverb_type", "license"))
    units = ("size_bytes", "_hz", "duration_s", '"gear": "amp"', "tone_id", "model_", "duration_ms", "http_status")
    assert [name for name in units if name in before] == []
    renamed = ("size_bytes", "_hz", "duration_s", '"gear": "amp"', "tone_id", "model_", "duration_ms", "http_status")
    assert not any(name in before for name in renamed)
    migrations.upgrade(database)
    assert stored() == after


def test_processes_that_start_at_once_migrate_one_after_the_other(database: str, settings: Settings) -> None:
    environ = environ_of(replace(settings, database=DatabaseSettings(url=database)))
    command = [sys.executable, "-m", "tone_shootout", "db", "upgrade"]
    started = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        _, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints
    migrations.check(database)


def test_a_migration_that_waits_for_another_says_so_and_goes_on(database: str, settings: Settings) -> None:
    migrations.upgrade(database)
    environ = environ_of(replace(settings, database=DatabaseSettings(url=database)))
    command = [sys.executable, "-m", "tone_shootout", "db", "upgrade"]
    with psycopg.connect(database) as other:
        # A hoster's limit, which is lifted for migrations.
        other.execute(f"ALTER DATABASE {other.info.dbname} SET statement_timeout = '500ms'".encode())
        other.commit()
        other.execute("SELECT pg_advisory_xact_lock(7303014)")
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as waiting:
            assert waiting.stderr is not None
            assert waiting.stdout is not None
            assert waiting.stderr.readline() == "waiting for another migration of this database to end\n"
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND clock_timestamp() - waitstart > '1 second'"
            while other.execute(waits).fetchone() == (0,):
                assert waiting.poll() is None
            other.commit()
            assert waiting.stdout.read().startswith("The database is at ")
    assert waiting.returncode == 0


def test_an_older_version_leaves_a_newer_schema_as_it_is(database: str) -> None:
    migrations.upgrade(database)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    lines: list[str] = []
    migrations.upgrade(database, on_wait=lines.append)
    assert lines == ["the schema is at 9999, which is newer than this version"]
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT version_num FROM schema_version").fetchone() == ("9999",)


def test_a_database_that_differs_from_the_models_is_reported(database: str, settings: Settings) -> None:
    migrations.upgrade(database)
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE job DROP COLUMN title")
    environ = environ_of(replace(settings, database=DatabaseSettings(url=database)))
    command = [sys.executable, "-m", "tone_shootout", "db", "check"]
    checked = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert checked.stderr.startswith("Error: ")
    assert "title" in checked.stderr
    assert "Traceback" not in checked.stderr
