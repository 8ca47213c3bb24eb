"""Errors of backup and restore; each text is one line for the person who runs the command."""


class BackupError(Exception):
    """The backup can't be made, read or restored."""


class WrongKeyError(BackupError):
    """The key of the backup is missing, wrong or not needed."""


class DamagedError(BackupError):
    """A file of the backup is missing, was changed, or does not have the documented form."""
