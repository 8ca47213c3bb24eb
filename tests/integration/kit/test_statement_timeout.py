"""A statement that takes too long is given up, and is nobody's fault."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Literal

import pytest
from asyncpg import PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tone_shootout.kit.db.session import SPARE_S, create_engine, database_config
from tone_shootout.kit.http.problems import is_outage
from tone_shootout.kit.settings import Settings

TIMEOUT_S = 0.7


@pytest.fixture
async def limited(settings: Settings) -> AsyncGenerator[AsyncEngine, None]:
    engine = create_engine(settings.database.url, statement_timeout_s=TIMEOUT_S)
    yield engine
    await engine.dispose()


async def test_a_statement_is_cancelled_by_the_server_and_the_connection_goes_on(limited: AsyncEngine) -> None:
    async with limited.connect() as connection:
        with pytest.raises(DBAPIError) as cancelled:
            await connection.execute(text("SELECT pg_sleep(60)"))
        assert is_outage(cancelled.value)
        await connection.rollback()
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_behind_a_pooler_the_client_gives_it_up(settings: Settings) -> None:
    engine = create_engine(settings.database.url, pooled=True, statement_timeout_s=TIMEOUT_S - SPARE_S)
    try:
        async with engine.connect() as connection:
            assert await connection.scalar(text("SHOW statement_timeout")) == "0"
            with pytest.raises(TimeoutError) as given_up:
                await connection.execute(text("SELECT pg_sleep(60)"))
            assert is_outage(given_up.value)
            await connection.rollback()
            assert await connection.scalar(text("SELECT 1")) == 1
    finally:
        await engine.dispose()


async def test_rows_that_are_read_one_after_the_other_may_take_longer_in_all(limited: AsyncEngine) -> None:
    async with limited.connect() as connection:
        rows = await connection.stream(text("SELECT n FROM generate_series(1, 500) AS n"))
        first = await anext(rows)
        await asyncio.sleep(2 * TIMEOUT_S)  # a reader who is slow
        assert [first, *[row async for row in rows]] == [(n,) for n in range(1, 501)]


async def test_what_is_cancelled_while_rows_are_read_is_told_from_our_faults(limited: AsyncEngine) -> None:
    # There SQLAlchemy passes on what the driver raises.
    async with limited.connect() as connection:
        with pytest.raises((DBAPIError, PostgresError)) as cancelled:
            await connection.stream(text("SELECT pg_sleep(60) FROM generate_series(1, 2)"))
        assert is_outage(cancelled.value)


@pytest.mark.parametrize("pooler", ["none", "session"])
async def test_the_limit_is_a_setting(settings: Settings, pooler: Literal["none", "session"]) -> None:
    database = replace(settings.database, statement_timeout_s=7.5, pooler=pooler)
    engine = database_config(replace(settings, database=database)).get_engine()
    try:
        async with engine.connect() as connection:
            assert await connection.scalar(text("SHOW statement_timeout")) == "7500ms"
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("state", "away"),
    [
        ("57014", True),  # canceled
        ("57P01", True),  # shut down
        ("53300", True),  # too many connections
        ("25006", True),  # read-only: a standby, or a hoster's full disk
        ("58030", True),  # I/O error
        ("22012", False),  # division by zero
        ("42P01", False),  # no such table
        ("23505", False),  # not unique
    ],
)
async def test_a_database_s_own_trouble_is_told_from_ours(settings: Settings, state: str, away: bool) -> None:
    engine = create_engine(settings.database.url)
    try:
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError) as raised:
                await connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))
            assert is_outage(raised.value) is away
    finally:
        await engine.dispose()
