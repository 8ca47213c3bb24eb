"""Protection against server-side request forgery, for connections to URLs that users provide.

A name is resolved once, its addresses are checked, and the connection is made to a checked address, so that DNS
rebinding has no effect. `Host` and TLS still use the name.
"""

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import cast

from anyio import to_thread
from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError, ConnectTimeout

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_GLOBAL_UNICAST = ip_network("2000::/3")  # RFC 4291, 2.4: all else is special-purpose
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_SPECIAL = (
    ip_network("192.0.0.0/24"),  # RFC 6890; includes Oracle's metadata service
    ip_network("168.63.129.16/32"),  # Azure's platform service, reachable from every virtual machine
)


class AddressRefusedError(ConnectError):
    """A name has no allowed address."""


class AddressPolicy:
    """Allowed addresses: those of the public internet, and the networks that the operator allows.

    Args:
        allowed_networks: networks in CIDR notation that are allowed although they are not public.
    """

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed = [ip_network(network) for network in allowed_networks]

    def allows(self, address: str) -> bool:
        """Return whether an IP address is allowed; an IPv4 address embedded in IPv6 is checked itself."""
        found = ip_address(address.partition("%")[0])
        if any(found in network for network in self._allowed):
            return True
        inner = _embedded_ipv4(found)
        return self.allows(str(inner)) if inner else _is_public(found)


class GuardedBackend(AsyncNetworkBackend):
    """Network backend of httpcore that connects to allowed addresses only.

    Args:
        policy: the allowed addresses.
        resolve: resolves a name; the system's resolver by default.
    """

    def __init__(self, policy: AddressPolicy, *, resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._resolve = resolve or _look_up
        self._backend = cast("AsyncNetworkBackend", AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first allowed address of `host` that accepts, each within `timeout`.

        Raises:
            AddressRefusedError: the host has no allowed address.
            ConnectError, ConnectTimeout: no allowed address accepts.
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
        """Reject Unix sockets.

        Raises:
            AddressRefusedError: always.
        """
        raise AddressRefusedError(f"{path} is not a public address")

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await self._backend.sleep(seconds)


def _is_public(address: Address) -> bool:
    if any(address in network for network in _SPECIAL) or address.is_multicast or not address.is_global:
        return False
    return address.version == 4 or address in _GLOBAL_UNICAST


def _embedded_ipv4(address: Address) -> IPv4Address | None:
    """Return the IPv4 address embedded in an IPv6 address, None if there is none."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


async def _look_up(host: str, port: int) -> Sequence[str]:
    # In threads of its own: slow lookups would exhaust the event loop's default executor.
    lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await to_thread.run_sync(lookup, abandon_on_cancel=True)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
