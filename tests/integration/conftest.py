"""Names that many tests import; the fixtures are in `tests.support.servers`."""

from tests.support.servers import Connect, Person, empty, somebody

__all__ = ["Connect", "Person", "empty", "somebody"]
