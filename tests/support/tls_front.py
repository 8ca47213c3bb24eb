"""A front that speaks PostgreSQL's TLS and asks for a password, before the embedded server, which knows neither.

The wheel's PostgreSQL is built without OpenSSL and trusts every client of its socket. What follows the sign-in is
between the client and the server.
"""

import asyncio
import ipaddress
import ssl
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST, _GSS_REQUEST, _CANCEL = 80877103, 80877104, 80877102


@dataclass
class Seen:
    """How somebody came."""

    is_encrypted: bool
    parameters: dict[str, str]
    password: str
    certificate: bool


@dataclass
class Front:
    """Where it listens, and who came."""

    port: int
    seen: list[Seen] = field(default_factory=list)
    refuses: str = ""
    """`plain` or `encrypted` connections are sent away, as a `pg_hba.conf` does it."""


def make_certificates(folder: Path) -> None:
    """Write an authority (`ca.crt`), a certificate of it for `localhost` (`server.pem`) and another authority."""
    authority = _certificate("ca", None, folder / "ca.crt")
    _certificate("other", None, folder / "other.crt")
    _certificate("localhost", authority, folder / "server.pem")
    _certificate("guest", authority, folder / "client.pem")


_Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _certificate(name: str, issuer: _Signed | None, path: Path) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    authority = issuer[0] if issuer else None
    if authority is not None:
        found = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)
        builder = builder.add_extension(identifier, critical=False)
    else:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    text = made.public_bytes(serialization.Encoding.PEM)
    if issuer is not None:
        private = serialization.PrivateFormat.PKCS8
        text += key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    path.write_bytes(text)
    path.chmod(0o600)
    return made, key


@asynccontextmanager
async def fronting(socket_path: str, certificates: Path, *, host: str = "127.0.0.1") -> AsyncGenerator[Front, None]:
    """Run the front before the server whose socket is at `socket_path`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.crt"))
    context.load_cert_chain(certificates / "server.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    serving: set[asyncio.Task[None]] = set()
    front = Front(port=0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await _serve(reader, writer, front, context, socket_path)
        except (OSError, EOFError):
            pass  # who does not like the certificate goes away
        finally:
            serving.discard(task)
            await _close(writer)

    server = await asyncio.start_server(serve, host, 0)
    front.port = server.sockets[0].getsockname()[1]
    assert ipaddress.ip_address(host).is_loopback
    try:
        yield front
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, front: Front, context: ssl.SSLContext, path: str
) -> None:
    is_encrypted = False
    while True:
        length, code = struct.unpack("!II", await reader.readexactly(8))
        rest = await reader.readexactly(length - 8)
        if code == _SSL_REQUEST:
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
            is_encrypted = True
        elif code == _GSS_REQUEST:
            writer.write(b"N")
        elif code == _CANCEL:
            upstream, to_upstream = await asyncio.open_unix_connection(path)
            to_upstream.write(struct.pack("!II", length, code) + rest)
            await upstream.read()
            await _close(to_upstream)
            return
        else:
            break
    if front.refuses == ("encrypted" if is_encrypted else "plain"):
        fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0\0"
        writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
        await writer.drain()
        return
    words = [word.decode() for word in rest.split(b"\0")]
    parameters = dict(zip(words[::2], words[1::2], strict=False))
    writer.write(b"R" + struct.pack("!II", 8, 3))
    await writer.drain()
    kind, size = struct.unpack("!cI", await reader.readexactly(5))
    assert kind == b"p"
    password = (await reader.readexactly(size - 4)).rstrip(b"\0").decode()
    certificate = writer.get_extra_info("peercert")
    front.seen.append(Seen(is_encrypted, parameters, password, bool(certificate)))
    upstream, to_upstream = await asyncio.open_unix_connection(path)
    to_upstream.write(struct.pack("!II", length, code) + rest)
    ways = [asyncio.create_task(_pass_on(*way)) for way in ((reader, to_upstream), (upstream, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await _close(to_upstream)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 5)
