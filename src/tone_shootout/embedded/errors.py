"""What can go wrong on one machine."""


class EmbeddedError(RuntimeError):
    """The embedded service can't start or go on; the message is one line for the person who started it."""


class InUseError(EmbeddedError):
    """Another process holds the data folder."""
