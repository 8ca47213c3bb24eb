"""Only what the whole internet can reach is reached on a user's word."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from httpcore import ConnectError

from tone_shootout.kit.ssrf_guard import AddressPolicy, AddressRefusedError, GuardedBackend

# IANA's registries of special-purpose addresses, RFC 4291 for IPv6, and what clouds serve their machines' secrets at.
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "::",
    "::1",
    "::7f00:1",
    "100::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not AddressPolicy().allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_allowed(address: str) -> None:
    assert AddressPolicy().allows(address)


def test_an_operator_s_networks_are_allowed_and_no_others() -> None:
    policy = AddressPolicy(["10.0.0.0/8", "fd00::/8"])
    assert policy.allows("10.9.9.9")
    assert policy.allows("::ffff:10.9.9.9")
    assert policy.allows("fd00::1")
    assert not policy.allows("127.0.0.1")
    assert not policy.allows("192.168.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]"])
async def test_no_way_to_write_this_machine_s_address_gets_through(host: str) -> None:
    with pytest.raises(ConnectError):
        await GuardedBackend(AddressPolicy()).connect_tcp(host, 9, timeout=5)


async def test_a_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that is public when it is checked and this machine when it is used (DNS rebinding) gains nothing."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    requested = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        requested.append(host)
        return next(answers)

    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        backend = GuardedBackend(AddressPolicy(["127.0.0.0/8"]), resolve=rebinding)
        stream = await backend.connect_tcp("rebinding.example", port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        await stream.aclose()
        with pytest.raises(AddressRefusedError):
            await backend.connect_tcp("rebinding.example", port, timeout=5)
    assert requested == ["rebinding.example"] * 2


async def test_addresses_that_are_not_allowed_are_left_out() -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return ["10.0.0.1", "127.0.0.2", "127.0.0.1"]

    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        stream = await GuardedBackend(AddressPolicy(["127.0.0.0/8"]), resolve=mixed).connect_tcp("x", port, timeout=5)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        await stream.aclose()


async def test_an_address_that_leads_nowhere_leaves_time_for_the_next() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    nowhere, queued = socket.socket(), [socket.socket() for _ in range(3)]
    with nowhere, ExitStack() as stack:
        nowhere.bind(("127.0.0.2", 0))
        nowhere.listen(0)  # and those who wait fill its queue: for the next it is as if nobody were there
        port = nowhere.getsockname()[1]
        for client in queued:
            stack.enter_context(client).setblocking(False)
            client.connect_ex(("127.0.0.2", port))
        async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port):
            backend = GuardedBackend(AddressPolicy(["127.0.0.0/8"]), resolve=both)
            stream = await backend.connect_tcp("dual-stack.example", port, timeout=0.3)
            assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
            await stream.aclose()


async def test_a_socket_of_this_machine_is_refused() -> None:
    with pytest.raises(AddressRefusedError):
        await GuardedBackend(AddressPolicy()).connect_unix_socket("/run/x")
