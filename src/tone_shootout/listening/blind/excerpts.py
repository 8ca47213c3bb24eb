"""Sound of listening tests: excerpts of segments, and the stimuli made of them.

All tones of a test are decoded, aligned and in memory before any of them is sent, and every stimulus is made by the
same operations on equally long arrays. So the time of a response does not tell which tone it is.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from tone_shootout.audio.constants import DUAL_MONO_DB
from tone_shootout.listening.shares.facts import SharedSegment

if TYPE_CHECKING:
    from tone_shootout.audio.excerpts import Int32

MAX_S: Final = 30.0
"""Longest excerpt. Memory for sounds lasts a few seconds; longer excerpts only cost time."""
DEFAULT_S: Final = 20.0
CACHE_BYTES: Final = 256_000_000
"""Decoded sound that a web process keeps: about a hundred tones of ten seconds."""
FADE_S: Final = 0.005
PAD_S: Final = 0.1
"""Responses are sent at multiples of this time after the request."""


class Excerpt(NamedTuple):
    """The tones of a test: 24-bit integers of equal shapes (samples, channels), aligned and of one polarity."""

    rate: int
    tones: "tuple[Int32, ...]"

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return sum(tone.nbytes for tone in self.tones)


class Plan(NamedTuple):
    """Which part of which files a test plays."""

    segments: tuple[SharedSegment, ...]
    start: int
    samples: int


class ExcerptCache:
    """Decoded tests, the least recently used of which are dropped."""

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._found: OrderedDict[UUID, Excerpt] = OrderedDict()
        self._lock = asyncio.Lock()

    async def get(self, test_id: UUID, load: Callable[[], Awaitable[Excerpt]]) -> Excerpt:
        """Return the tones of a test; `load` decodes them. One test is loaded at a time, which bounds the memory."""
        if (known := self._use(test_id)) is not None:
            return known
        async with self._lock:
            if (known := self._use(test_id)) is not None:
                return known
            loaded = await load()
            self._found[test_id] = loaded
            while sum(each.size_bytes for each in self._found.values()) > self._limit_bytes and len(self._found) > 1:
                self._found.popitem(last=False)
            return loaded

    def _use(self, test_id: UUID) -> Excerpt | None:
        if test_id not in self._found:
            return None
        self._found.move_to_end(test_id)
        return self._found[test_id]


def lead_of(segments: Sequence[SharedSegment]) -> list[int]:
    """Return how many samples each segment starts late against the earliest; 0 where its latency is ambiguous."""
    known = [each.latency_samples for each in segments if each.latency_samples is not None]
    earliest = min(known, default=0)
    return [0 if each.latency_samples is None else each.latency_samples - earliest for each in segments]


def decode(contents: Sequence[bytes], plan: Plan) -> Excerpt:
    """Return the tones of a test.

    Latency and polarity are those of the manifest, where it is confident. They are built into the sound, because a
    listener would hear the shift.

    Args:
        contents: the FLAC files, in the order of the plan's segments.
        plan: what to play.

    Raises:
        AudioError: a file is damaged.
    """
    from tone_shootout.audio.excerpts import fade, read_flac_excerpt

    rate = plan.segments[0].sample_rate_hz
    length = min(round(FADE_S * rate), plan.samples // 2)
    tones = []
    for content, segment, lead in zip(contents, plan.segments, lead_of(plan.segments), strict=True):
        found = read_flac_excerpt(content, start=plan.start + lead, samples=plan.samples)
        tones.append(fade(-found if segment.polarity < 0 else found, length))
    channels = max(tone.shape[1] for tone in tones)
    return Excerpt(rate, tuple(_with_channels(tone, channels) for tone in tones))


def _with_channels(tone: "Int32", channels: int) -> "Int32":
    """Return a tone with `channels` channels; mono on two sides is as loud as it was on one."""
    import numpy as np

    if tone.shape[1] == channels:
        return tone
    lowered = np.rint(tone * 10 ** (DUAL_MONO_DB / 20)).astype(np.int32)
    return np.repeat(lowered, channels, axis=1)


def make_stimulus(excerpt: Excerpt, tone: int) -> bytes:
    """Return a WAV file of a tone with dither of its own, so that no two files are equal."""
    import numpy as np

    from tone_shootout.audio.excerpts import dither
    from tone_shootout.audio.wav import wav_bytes

    return wav_bytes(dither(excerpt.tones[tone], np.random.default_rng(secrets.randbits(128))), excerpt.rate)


async def pad(started: float) -> None:
    """Wait until a multiple of `PAD_S` has passed.

    Args:
        started: time of the request, of the event loop's clock.
    """
    elapsed = asyncio.get_running_loop().time() - started
    await asyncio.sleep(PAD_S - elapsed % PAD_S)
