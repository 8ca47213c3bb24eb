"""`shootout db rekey` encrypts stored secrets with the first key."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner, Result

from tests.integration.conftest import Person
from tests.support.sessions import Sessions
from tone_shootout.accounts.connections import ConnectionStore
from tone_shootout.cli.db import command
from tone_shootout.jobs.webhooks.services import WebhookService
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings, new_encryption_key
from tone_shootout.tone3000.types import Text, TokenPair
from tone_shootout.tone3000.types import User as PersonThere

Rekey = Callable[..., Awaitable[Result]]
OLD, NEW = new_encryption_key(), new_encryption_key()


@pytest.fixture
def rekey(settings: Settings) -> Rekey:
    """Return a function that runs the command with some keys."""

    async def run(*keys: str) -> Result:
        environ = {
            "SHOOTOUT_DATABASE_URL": settings.database.url,
            "SHOOTOUT_SECURITY_ENCRYPTION_KEYS": json.dumps(keys),
        }
        return await asyncio.to_thread(CliRunner().invoke, command, ["rekey"], env=environ)

    return run


async def test_after_rekey_the_new_key_alone_decrypts_all_secrets(
    user: Person, settings: Settings, session_maker: Sessions, rekey: Rekey
) -> None:
    pair = TokenPair(access_token="access", refresh_token="refresh")
    old = KeyRing([OLD])
    async with session_maker.begin() as session:
        await ConnectionStore(session, old).connect(user.id, PersonThere(id=Text("x"), username="x"), pair)
        webhooks = WebhookService(session, old, settings)
        made = await webhooks.create(user.id, url="https://hooks.example.org/", description="", events=["job.failed"])
    refused = await rekey(NEW)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "nothing was changed" in refused.stderr
    done = await rekey(NEW, OLD)
    assert (done.exit_code, done.stdout) == (
        0, "Encrypted again: tokens of 1 TONE3000 connections, secrets of 1 webhooks.\n"
    )  # fmt: skip
    new = KeyRing([NEW])
    async with session_maker() as session:
        store = ConnectionStore(session, new)
        connection = await store.get_for_user(user.id)
        assert connection is not None
        stored = store.decrypt_tokens(connection)
        webhook = await WebhookService(session, new, settings).get(user.id, made.webhook.id)
    assert new.decrypt(webhook.secret, f"webhook:{webhook.id}") == made.secret
    assert stored is not None
    assert (stored.access_token, stored.refresh_token) == ("access", "refresh")
    assert (await rekey(NEW)).exit_code == 0
