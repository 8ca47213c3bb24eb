"""Connections to addresses that users name, which must not reach what only this machine or its network can.

A name is looked up once, the addresses that it stands for are checked, and the connection is made to a checked address
itself: a name that answers differently the second time (DNS rebinding) gains nothing. The name stays in `Host` and in
TLS, where it belongs.
"""

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from anyio import to_thread
from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError, ConnectTimeout

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_GLOBAL_UNICAST = ip_network("2000::/3")  # RFC 4291, 2.4: everything else is special
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_SPECIAL = (
    ip_network("192.0.0.0/24"),  # RFC 6890; some of it is Oracle's metadata service
    ip_network("168.63.129.16/32"),  # Azure's platform, which answers every virtual machine there
)


class AddressRefusedError(ConnectError):
    """A name stands for no address that may be reached."""


class AddressPolicy:
    """Which addresses may be reached: those of the public internet, and what the operator allows.

    Args:
        allowed_networks: networks in CIDR notation that may be reached although they are not public.
    """

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed = [ip_network(network) for network in allowed_networks]

    def allows(self, address: str) -> bool:
        """Tell whether an IP address may be reached, whatever it is wrapped in."""
        found = ip_address(address.partition("%")[0])
        if any(found in network for network in self._allowed):
            return True
        inner = _unwrapped(found)
        return self.allows(str(inner)) if inner else _is_public(found)


class GuardedBackend(AsyncNetworkBackend):
    """Connects httpcore to addresses that the policy allows, and to nothing else.

    Args:
        policy: which addresses are allowed.
        resolve: looks a name up; the system's way by default.
    """

    def __init__(self, policy: AddressPolicy, *, resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._resolve = resolve or _look_up
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first allowed address of `host` that answers, each within `timeout`.

        Raises:
            AddressRefusedError: it has no allowed address.
            ConnectError, ConnectTimeout: none of them answers.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise ConnectError(f"{host} has no address") from None
        allowed = [address for address in found if self._policy.allows(address)]
        if not allowed:
            raise AddressRefusedError(f"{host} is not a public address")
        for address in allowed[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (ConnectError, ConnectTimeout):
                continue
        return await self._backend.connect_tcp(allowed[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> AsyncNetworkStream:
        """Refuse.

        Raises:
            AddressRefusedError: always.
        """
        raise AddressRefusedError(f"{path} is not a public address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._backend.sleep(seconds)


def _is_public(address: Address) -> bool:
    if any(address in network for network in _SPECIAL) or address.is_multicast or not address.is_global:
        return False
    return address.version == 4 or address in _GLOBAL_UNICAST


def _unwrapped(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


async def _look_up(host: str, port: int) -> Sequence[str]:
    # Not in the event loop's own threads: names that nobody answers for would keep them from everything else.
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await to_thread.run_sync(ask, abandon_on_cancel=True)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
