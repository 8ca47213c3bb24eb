"""Errors of the embedded service."""


class EmbeddedError(RuntimeError):
    """The embedded service can't start or continue; the message is one line for the user."""


class InUseError(EmbeddedError):
    """Another process has locked the data folder."""
