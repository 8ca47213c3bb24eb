"""Files to upload, made on the spot, and how to upload them."""

import asyncio
import io
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from tests.integration.conftest import Person
from tone_shootout.audio.files import write_flac

RATE = 48_000
LIBRARY = "/api/v1/library"
SHOOTOUTS = "/api/v1/shootouts"


def wav(samples: NDArray[Any], rate: int = RATE) -> bytes:
    """A WAV file; samples of shape (T,) or (T, channels) as they are stored."""
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def flac(samples: NDArray[Any], folder: Path, rate: int = RATE) -> bytes:
    """A FLAC file of samples within ±1."""
    path = folder / "made.flac"
    write_flac(path, samples, rate)
    return path.read_bytes()


def playing(seconds: float = 1.0, *, rate: int = RATE, seed: int = 1) -> NDArray[np.int16]:
    """Decaying noise, loud enough to be playing."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return np.asarray(noise * np.geomspace(8_000, 800, noise.size), dtype=np.int16)


def di(seconds: float = 1.0, *, seed: int = 1) -> bytes:
    """A DI track."""
    return wav(playing(seconds, seed=seed))


def ir(*, seed: int = 2) -> bytes:
    """A cab IR of 20 ms."""
    noise = np.random.default_rng(seed).standard_normal(960) * np.geomspace(1.0, 0.001, 960)
    return wav((noise / 4).astype(np.float32))


def capture(gain: float = 0.5, *, metadata: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """The smallest capture there is: one weight, a plain gain."""
    document = {
        "version": "0.5.4",
        "architecture": "Linear",
        "config": {"receptive_field": 1, "bias": False},
        "weights": [gain],
        "sample_rate": RATE,
        "metadata": {"gear_type": "amp"} if metadata is None else metadata,
    }
    return msgspec.json.encode(document | fields)


def wav_claiming(seconds: int) -> bytes:
    """A WAV header that claims so many seconds, with one second behind it."""
    data = bytearray(di())
    claimed = seconds * RATE * 2
    struct.pack_into("<I", data, 4, claimed + 36)
    struct.pack_into("<I", data, 40, claimed)
    return bytes(data)


async def upload(
    client: httpx.AsyncClient, kind: str, content: bytes, *, filename: str = "some.file", **fields: str
) -> httpx.Response:
    """Send a file to the library, the fields before it."""
    return await client.post(LIBRARY, data={"kind": kind, **fields}, files={"file": (filename, content)})


async def add(client: httpx.AsyncClient, kind: str, content: bytes, **fields: str) -> str:
    """Put a file into the library; its id."""
    response = await upload(client, kind, content, **fields)
    assert response.status_code in (200, 201), response.text
    return str(response.json()["id"])


async def config(client: httpx.AsyncClient, *, title: str = "Two crunches") -> dict[str, Any]:
    """A config of one DI track and two chains, whose files are in the client's library; segments only."""
    track, amp, cab = await asyncio.gather(
        add(client, "di_track", di()), add(client, "capture", capture()), add(client, "cab_ir", ir())
    )
    cabinet = {"type": "cab_ir", "asset": cab}
    return {
        "title": title,
        "output": {"page": False, "plots": False, "video": False},
        "di_tracks": [{"name": "Riff", "asset": track}],
        "chains": [
            {"name": "Low", "blocks": [{"type": "capture", "asset": amp}, cabinet]},
            {"name": "High", "blocks": [{"type": "capture", "asset": amp, "input_gain_db": 6.0}, cabinet]},
        ],
    }


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what the service does behind an answer."""
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


def pointers(response: httpx.Response) -> dict[str, str]:
    """What a problem complains about: code by pointer."""
    return {
        fault.get("pointer", fault.get("parameter", "")): fault["code"] for fault in response.json().get("errors", [])
    }


class Raw:
    """A connection on which a request is sent in pieces."""

    def __init__(self, base_url: str, person: Person) -> None:
        self._address = urlsplit(base_url)
        self._token = person.token
        self.sent = 0

    async def open(self, *headers: str) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        lines = [
            f"POST {LIBRARY} HTTP/1.1",
            f"Host: {self._address.netloc}",
            f"Authorization: Bearer {self._token}",
            "Content-Type: multipart/form-data; boundary=b",
            *headers,
        ]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        self._answer = asyncio.create_task(self._reader.readline())

    async def send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        with suppress(ConnectionError):  # who has refused need not go on reading
            await self._writer.drain()
        await asyncio.sleep(0)  # lets the answer in, also where nothing has to be waited for
        self.sent += len(data)

    async def status(self) -> int:
        return int((await asyncio.wait_for(self._answer, 30)).split()[1])

    @property
    def answered(self) -> bool:
        return self._answer.done()

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        await asyncio.gather(self._answer, return_exceptions=True)
