"""What a setting that can't be used raises."""

PREFIX = "SHOOTOUT"


class SettingsError(ValueError):
    """A setting that is missing, malformed or unsafe; the message names the environment variable."""
