"""Messages reach a real receiver, whatever it answers and whoever dies, and nothing else is reached."""

import asyncio
import datetime as dt
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import func, select, text, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.integration.conftest import Person
from tests.integration.jobs.conftest import submit
from tests.support.live import working
from tests.support.receiver import Received, Receiver, receiving
from tests.support.sessions import Sessions
from tone_shootout.accounts.services import AccountService
from tone_shootout.jobs.models import Job
from tone_shootout.jobs.repositories import JobRepository
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks.delivery import (
    CONCURRENCY,
    MAX_DELAY_S,
    READ_BYTES,
    ROUND_DURATION,
    Deliverer,
)
from tone_shootout.jobs.webhooks.models import Webhook as WebhookRow
from tone_shootout.jobs.webhooks.models import WebhookDelivery
from tone_shootout.jobs.webhooks.repositories import PER_ENDPOINT, PER_OWNER, DeliveryRepository
from tone_shootout.kit.keyring import KeyRing
from tone_shootout.kit.settings import Settings, WebhookSettings
from tone_shootout.kit.ssrf_guard import AddressPolicy, GuardedBackend

WEBHOOKS = "/api/v1/webhooks"


@pytest.fixture
def receiver() -> Generator[Receiver, None, None]:
    with receiving() as found:
        yield found


class Hook:
    """A webhook of a person's."""

    def __init__(self, person: Person, made: dict[str, Any]) -> None:
        self.client = person.client
        self.secret: str = made["secret"]
        self.address = f"{WEBHOOKS}/{made['webhook']['id']}"

    async def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(self.address)).json()
        return found

    async def test(self) -> str:
        """The address of a trial's delivery."""
        answer = await self.client.post(f"{self.address}/test")
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    async def until(self, delivery: str, state: str) -> dict[str, Any]:
        """A delivery, as soon as it is in a state."""
        async with asyncio.timeout(60):
            while True:
                found: dict[str, Any] = (await self.client.get(delivery)).json()
                if found["delivery"]["status"] == state:
                    return found
                await asyncio.sleep(0.02)

    async def until_tried(self, delivery: str, times: int = 1) -> dict[str, Any]:
        """A delivery, as soon as the outcome of so many attempts is known."""
        async with asyncio.timeout(60):
            while True:
                found: dict[str, Any] = (await self.client.get(delivery)).json()
                if len(found["attempts"]) >= times:
                    return found
                await asyncio.sleep(0.02)


async def make(person: Person, url: str, **changes: Any) -> Hook:
    answer = await person.client.post(WEBHOOKS, json={"url": url, **changes})
    assert answer.status_code == 201, answer.text
    return Hook(person, answer.json())


def _verified(message: Received, secret: str) -> dict[str, Any]:
    found: dict[str, Any] = Verifier(secret).verify(message.body, message.headers)
    return found


async def _come_due(sessions: Sessions, **values: Any) -> None:
    """Let the time pass until every message is due again."""
    async with sessions() as session:
        await session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.status == "pending")
            .values(next_attempt_at=func.now(), **values)
        )
        await session.commit()


@pytest.fixture
def deliverer(session_maker: Sessions, settings: Settings) -> Deliverer:
    return Deliverer(session_maker, KeyRing(settings.security.encryption_keys), settings.webhooks)


@pytest.fixture
async def delivering(deliverer: Deliverer) -> AsyncGenerator[None, None]:
    async with deliverer.delivering():
        yield


@asynccontextmanager
async def _delivering(
    sessions: Sessions, settings: Settings, *, webhooks: WebhookSettings | None = None, **more: Any
) -> AsyncGenerator[None, None]:
    ring = KeyRing(settings.security.encryption_keys)
    webhooks = replace(webhooks or settings.webhooks, poll_s=0.05)
    async with Deliverer(sessions, ring, webhooks, **more).delivering():
        yield


async def test_an_endpoint_hears_of_each_status_that_it_listens_for_once_and_signed(
    user: Person, other_user: Person, receiver: Receiver, delivering: None
) -> None:
    hook = await make(user, receiver.url, events=["job.pending", "job.cancelled"])
    await make(other_user, receiver.url, events=["job.pending", "job.cancelled"])
    job = await submit(user.client)
    cancelled = (await user.client.post(job["links"]["cancel"])).json()
    messages = [_verified(message, hook.secret) for message in await receiver.until(2)]
    reported = {message["type"]: message for message in messages}
    assert set(reported) == {"job.pending", "job.cancelled"}
    assert reported["job.cancelled"]["data"]["job"] == cancelled
    assert reported["job.pending"]["data"]["job"]["status"] == "pending"
    assert reported["job.pending"]["data"]["seq"] < reported["job.cancelled"]["data"]["seq"]
    await asyncio.sleep(0.3)
    assert len(receiver.received) == 2
    assert len({message.headers["webhook-id"] for message in receiver.received}) == 2
    for message in receiver.received:
        assert message.headers["content-type"] == "application/json"
        assert message.headers["user-agent"].startswith("tone-shootout/")
    assert (await hook.shown())["last_success_at"] is not None


async def test_a_transition_that_is_rolled_back_tells_nobody(
    user: Person, receiver: Receiver, session_maker: Sessions
) -> None:
    hook = await make(user, receiver.url, events=["job.cancelled"])
    await submit(user.client)
    async with session_maker() as session:
        job = (await session.scalars(select(Job))).one()
        assert await JobRepository(session).transition(job.id, JobStatus.CANCELLED) is not None
        assert await session.scalar(select(func.count()).select_from(WebhookDelivery)) == 1
        await session.rollback()
    assert (await user.client.get(f"{hook.address}/deliveries")).json()["total"] == 0


async def test_a_webhook_that_is_being_deleted_holds_up_no_job(
    user: Person, receiver: Receiver, session_maker: Sessions
) -> None:
    await make(user, receiver.url, events=["job.cancelled"])
    await submit(user.client)
    async with session_maker() as deleting, session_maker() as session:
        await deleting.execute(text("DELETE FROM webhook"))
        job = (await session.scalars(select(Job))).one()
        async with asyncio.timeout(30):
            assert await JobRepository(session).transition(job.id, JobStatus.CANCELLED) is not None
            await session.commit()
        await deleting.commit()


async def test_what_does_not_arrive_is_sent_again_as_the_same_message(
    user: Person, receiver: Receiver, session_maker: Sessions, delivering: None
) -> None:
    hook = await make(user, receiver.url)
    receiver.status = 500
    delivery = await hook.test()
    tried = await hook.until_tried(delivery)
    assert (tried["delivery"]["status"], tried["attempts"][0]["http_status"]) == ("pending", 500)
    begun = dt.datetime.fromisoformat(tried["attempts"][0]["at"])
    again = dt.datetime.fromisoformat(tried["delivery"]["next_attempt_at"])
    assert dt.timedelta(seconds=4) <= again - begun <= dt.timedelta(seconds=30)
    receiver.status = 200
    await _come_due(session_maker)
    arrived = await hook.until(delivery, "delivered")
    assert [attempt["http_status"] for attempt in arrived["attempts"]] == [500, 200]
    assert arrived["delivery"]["next_attempt_at"] is None
    first, second = receiver.received
    assert first.body == second.body == arrived["payload"]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert _verified(second, hook.secret)["type"] == "webhook.test"


@pytest.mark.parametrize("form", ["seconds", "date", "a date in ten years"])
async def test_a_receiver_that_is_busy_is_left_alone_as_long_as_it_asks_within_reason(
    user: Person, receiver: Receiver, delivering: None, form: str
) -> None:
    hook = await make(user, receiver.url)
    wanted = dt.timedelta(days=3650) if form == "a date in ten years" else dt.timedelta(seconds=600)
    date = format_datetime(dt.datetime.now(dt.UTC) + wanted, usegmt=True)
    receiver.status, receiver.headers = 503, {"retry-after": "600" if form == "seconds" else date}
    tried = await hook.until_tried(await hook.test())
    begun = dt.datetime.fromisoformat(tried["attempts"][0]["at"])
    again = dt.datetime.fromisoformat(tried["delivery"]["next_attempt_at"])
    bound = dt.timedelta(seconds=min(wanted.total_seconds(), MAX_DELAY_S))
    assert again >= (parsedate_to_datetime(date) if form == "date" else begun + bound)
    assert again - begun < bound + dt.timedelta(seconds=60)


async def test_an_endpoint_that_is_gone_is_disabled_at_once_and_what_waits_is_sent_when_it_is_back(
    user: Person, receiver: Receiver, session_maker: Sessions, delivering: None
) -> None:
    hook = await make(user, receiver.url)
    receiver.status = 500
    waiting = await hook.test()
    await hook.until_tried(waiting)
    receiver.status = 410
    gone = await hook.test()
    await hook.until(gone, "failed")
    shown = await hook.shown()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    await _come_due(session_maker)
    await submit(user.client)
    await asyncio.sleep(0.3)
    assert len(receiver.received) == 2
    assert (await user.client.post(f"{gone}/redeliver")).json()["code"] == "webhook_disabled"
    receiver.status = 204
    await user.client.patch(hook.address, json={"enabled": True})
    await hook.until(waiting, "delivered")
    assert (await user.client.post(f"{gone}/redeliver")).status_code == 202
    await hook.until(gone, "delivered")
    assert {message.headers["webhook-id"] for message in receiver.received[:2]} == {
        message.headers["webhook-id"] for message in receiver.received[2:]
    }


@pytest.mark.parametrize("something_arrived", [False, True])
async def test_a_message_is_given_up_after_a_day_and_its_endpoint_if_nothing_else_arrived(
    user: Person, receiver: Receiver, session_maker: Sessions, delivering: None, something_arrived: bool
) -> None:
    hook = await make(user, receiver.url)
    receiver.status = 500
    delivery = await hook.test()
    await hook.until_tried(delivery)
    if something_arrived:
        async with session_maker() as session:
            await session.execute(update(WebhookRow).values(succeeded_at=func.now()))
            await session.commit()
    await _come_due(session_maker, round_at=func.now() - ROUND_DURATION + dt.timedelta(seconds=5))
    given_up = await hook.until(delivery, "failed")
    assert len(given_up["attempts"]) == 2
    assert (await hook.shown())["disabled_reason"] == (None if something_arrived else "failing")


@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_not_followed(user: Person, receiver: Receiver, delivering: None, status: int) -> None:
    with receiving() as elsewhere:
        hook = await make(user, receiver.url)
        receiver.status, receiver.headers = status, {"location": elsewhere.url}
        tried = await hook.until_tried(await hook.test())
        assert tried["attempts"][0]["http_status"] == status
        assert tried["delivery"]["status"] == "pending"
        assert elsewhere.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "intranet.example"])
async def test_nothing_reaches_an_address_that_is_not_public(
    user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings, host: str
) -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        assert name == host
        return ["127.0.0.1"]

    hook = await make(user, receiver.url.replace("127.0.0.1", host))
    backend = GuardedBackend(AddressPolicy(), resolve=resolve)
    async with _delivering(session_maker, settings, backend=backend):
        tried = await hook.until_tried(await hook.test())
    assert tried["attempts"][0]["error"] == "address_refused"
    assert tried["attempts"][0]["http_status"] is None
    assert receiver.received == []


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name shows, and what a client that trusts it needs."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, private[0], private[1])
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@pytest.mark.parametrize(("name", "arrives"), [("hooks.example", True), ("other.example", False)])
async def test_over_tls_the_name_is_checked_though_the_address_was_chosen_before(
    user: Person, session_maker: Sessions, settings: Settings, tmp_path: Path, name: str, arrives: bool
) -> None:
    async def resolve(_name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    server, client = _certificate(tmp_path, "hooks.example")
    backend = GuardedBackend(AddressPolicy(settings.webhooks.allowed_networks), resolve=resolve)
    with receiving(server) as receiver:
        url = receiver.url.replace("127.0.0.1", name)
        hook = await make(user, url)
        async with _delivering(session_maker, settings, backend=backend, ssl_context=client):
            tried = await hook.until_tried(await hook.test())
        assert receiver.server_names == [name]
        if arrives:
            assert tried["attempts"][0]["http_status"] == 204
            assert receiver.received[0].headers["host"] == url.split("/")[2]
        else:
            assert tried["attempts"][0]["error"] == "tls_failed"
            assert receiver.received == []


async def test_what_is_no_receiver_is_named_for_what_it_is(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hook = await make(user, f"http://127.0.0.1:{port}/")
    async with server, _delivering(session_maker, settings):
        assert (await hook.until_tried(await hook.test()))["attempts"][0]["error"] == "not_http"
    async with _delivering(session_maker, settings):  # nobody listens there any more
        assert (await hook.until_tried(await hook.test()))["attempts"][0]["error"] == "not_reached"


async def test_an_endpoint_that_does_not_answer_holds_up_no_other(
    user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings
) -> None:
    with receiving() as slow:
        slow.delay_s = 3
        patient, quick = await make(user, slow.url), await make(user, receiver.url)
        held = [await patient.test() for _ in range(PER_ENDPOINT + 2)]
        webhooks = replace(settings.webhooks, timeout_s=1)
        async with _delivering(session_maker, settings, webhooks=webhooks):
            await slow.until(PER_ENDPOINT)
            await quick.until(await quick.test(), "delivered")
            tried = await patient.until_tried(held[0])
        assert tried["attempts"][0]["error"] == "timeout"


async def test_nobody_gets_more_than_their_share_of_a_worker_however_many_endpoints_they_have(
    user: Person, other_user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings
) -> None:
    for person, endpoints in ((user, settings.webhooks.endpoints), (other_user, 1)):
        for _ in range(endpoints):
            hook = await make(person, receiver.url)
            for _ in range(PER_ENDPOINT + 1):
                await hook.test()
    async with session_maker() as session:
        claimed = await DeliveryRepository(session).claim(limit=CONCURRENCY, lease_s=60.0)
        await session.commit()
    by_owner = Counter(one.owner_id for one in claimed)
    assert PER_ENDPOINT < by_owner[user.id] <= PER_OWNER
    assert by_owner[other_user.id] == PER_ENDPOINT
    assert max(Counter(one.webhook_id for one in claimed).values()) == PER_ENDPOINT
    async with session_maker() as session:
        more = await DeliveryRepository(session).claim(limit=CONCURRENCY, lease_s=60.0, busy_owners=[user.id])
    assert {one.owner_id for one in more} == {other_user.id}


async def test_nothing_is_sent_for_a_disabled_user_until_they_are_enabled_again(
    user: Person, other_user: Person, receiver: Receiver, session_maker: Sessions, delivering: None
) -> None:
    async def set_active(is_active: bool) -> None:
        async with session_maker.begin() as session:
            accounts = AccountService(session)
            await accounts.set_active(await accounts.get_user(user.id), is_active=is_active)

    hook, other = await make(user, receiver.url), await make(other_user, receiver.url)
    receiver.status = 500
    delivery = await hook.test()
    await hook.until_tried(delivery)
    await set_active(False)
    receiver.status = 204
    await _come_due(session_maker)
    await other.until(await other.test(), "delivered")
    async with session_maker() as session:  # the one that is due for longer would have been taken before
        taken = select(WebhookDelivery.attempts).order_by(WebhookDelivery.id)
        assert (await session.scalars(taken)).all() == [1, 1]
    await set_active(True)
    assert len((await hook.until(delivery, "delivered"))["attempts"]) == 2
    assert len(receiver.received) == 3


async def test_of_an_endless_answer_only_the_beginning_is_taken(
    user: Person, session_maker: Sessions, settings: Settings
) -> None:
    sent = 0
    closed = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
                sent += 1024
        except ConnectionError:
            closed.set()
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server, _delivering(session_maker, settings):
        hook = await make(user, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await hook.until(await hook.test(), "delivered")
        await asyncio.wait_for(closed.wait(), 30)
    assert sent < 20_000_000  # what the kernel's buffers take, and far from endless
    assert sent > READ_BYTES


async def test_two_workers_send_each_message_once(
    user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings
) -> None:
    hook = await make(user, receiver.url)
    deliveries = [await hook.test() for _ in range(CONCURRENCY + 10)]
    async with _delivering(session_maker, settings), _delivering(session_maker, settings):
        for delivery in deliveries:
            found = await hook.until(delivery, "delivered")
            assert len(found["attempts"]) == 1
    assert len({message.headers["webhook-id"] for message in receiver.received}) == len(deliveries)
    assert len(receiver.received) == len(deliveries)


async def test_what_a_worker_held_when_it_died_is_sent_by_another_and_the_dead_one_records_nothing(
    user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings
) -> None:
    hook = await make(user, receiver.url)
    delivery = await hook.test()
    async with session_maker() as session:
        (held,) = await DeliveryRepository(session).claim(limit=10, lease_s=0.0)
        await session.commit()
    async with _delivering(session_maker, settings):
        await hook.until(delivery, "delivered")
    async with session_maker() as session:
        assert not await DeliveryRepository(session).record(held, {}, status="failed", next_attempt_at=None)
        await session.rollback()
    assert (await hook.until(delivery, "delivered"))["delivery"]["attempts"] == 2


async def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day_more(
    user: Person, receiver: Receiver, session_maker: Sessions, delivering: None
) -> None:
    hook = await make(user, receiver.url)
    rotated = await user.client.post(f"{hook.address}/secret")
    assert rotated.status_code == 201
    assert rotated.headers["cache-control"] == "no-store"
    new = rotated.json()["secret"]
    assert new != hook.secret
    until = dt.datetime.fromisoformat(rotated.json()["previous_until"])
    assert dt.timedelta(hours=23) < until - dt.datetime.now(dt.UTC) <= dt.timedelta(days=1)
    await hook.test()
    (both,) = await receiver.until(1)
    for secret in (hook.secret, new):
        _verified(both, secret)
    async with session_maker() as session:
        await session.execute(update(WebhookRow).values(previous_until=func.now()))
        await session.commit()
    await hook.test()
    (_, last) = await receiver.until(2)
    _verified(last, new)
    with pytest.raises(WebhookVerificationError):
        _verified(last, hook.secret)


async def test_a_secret_that_no_key_decrypts_is_named_and_waits_for_its_key(
    user: Person, receiver: Receiver, session_maker: Sessions, settings: Settings
) -> None:
    hook = await make(user, receiver.url)
    delivery = await hook.test()
    async with Deliverer(session_maker, KeyRing(["A" * 43 + "="]), settings.webhooks).delivering():
        tried = await hook.until_tried(delivery)
    assert tried["attempts"][0]["error"] == "unreadable_secret"
    await _come_due(session_maker)
    async with _delivering(session_maker, settings):
        await hook.until(delivery, "delivered")


async def test_what_can_not_even_be_tried_counts_as_tried(
    user: Person, receiver: Receiver, session_maker: Sessions, delivering: None
) -> None:
    hook = await make(user, receiver.url)
    async with session_maker() as session:
        await session.execute(update(WebhookRow).values(url="http://127.0.0.1:99999/"))
        await session.commit()
    tried = await hook.until_tried(await hook.test())
    assert (tried["attempts"][0]["error"], tried["delivery"]["status"]) == ("internal_error", "pending")


@pytest.mark.slow
async def test_a_worker_process_delivers(user: Person, receiver: Receiver, settings: Settings) -> None:
    hook = await make(user, receiver.url)
    delivery = await hook.test()
    with working(settings):
        await hook.until(delivery, "delivered")
    (message,) = receiver.received
    assert _verified(message, hook.secret)["type"] == "webhook.test"
