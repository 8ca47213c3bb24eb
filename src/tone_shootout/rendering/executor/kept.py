"""Where in a store something is kept: by what it was made of, and by the kind of machine that made it.

A render key names what was requested. It stands in plans and manifests and is the same everywhere. The last bits of
the sound are not: see `audio.machine`. A worker that took sound of another kind of processor would make a result of two
machines, which `verify` calls exact on neither.
"""

from functools import cache

from tone_shootout.audio.machine import machine_traits
from tone_shootout.rendering.executor.reporter import Store
from tone_shootout.rendering.plan.keys import key_of


@cache
def machine_key() -> str:
    """Return the SHA-256 of this machine's traits, in hexadecimal."""
    return key_of(dict(machine_traits()))


def store_key(key: str) -> str:
    """Return the key under which this machine keeps in a store what `key` describes."""
    return key_of({"key": key, "machine": machine_key()})


class StoreOfThisMachine:
    """A store (`reporter.Store`), as far as machines of this kind have filled it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> bytes | None:
        """Return what a machine of this kind has kept under a key, None where there is nothing."""
        return self._store.get(store_key(key))

    def put(self, key: str, content: bytes) -> None:
        """Keep something for machines of this kind."""
        self._store.put(store_key(key), content)
