"""Store keys that include the kind of machine.

A render key describes the request and is the same on every machine; it appears in plans and manifests. The samples
differ in rounding between kinds of processors, see `audio.machine`. If a worker reused samples of another kind of
processor, its result would mix both, and `verify` would be exact on neither.
"""

from functools import cache

from tone_shootout.rendering.executor.reporter import Store
from tone_shootout.rendering.plan.keys import key_of


@cache
def machine_key() -> str:
    """Return the SHA-256 of this machine's traits, in hexadecimal."""
    from tone_shootout.audio.machine import machine_traits

    return key_of(dict(machine_traits()))


def store_key(key: str) -> str:
    """Return the key in a store for the content under `key` on this kind of machine."""
    return key_of({"key": key, "machine": machine_key()})


class MachineStore:
    """The entries of a store (`reporter.Store`) that machines of this kind have written."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> bytes | None:
        """Return the content under a key, None if no machine of this kind has written any."""
        return self._store.get(store_key(key))

    def put(self, key: str, content: bytes) -> None:
        """Store content for machines of this kind."""
        self._store.put(store_key(key), content)
