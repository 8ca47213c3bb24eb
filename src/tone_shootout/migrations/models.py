"""The tables of all modules."""

from advanced_alchemy.base import metadata_registry
from sqlalchemy import MetaData

import tone_shootout.accounts.audit.models
import tone_shootout.accounts.models
import tone_shootout.administration.models
import tone_shootout.jobs.models
import tone_shootout.jobs.webhooks.models
import tone_shootout.listening.blind.models
import tone_shootout.listening.shares.models
import tone_shootout.shootouts.library.models
import tone_shootout.shootouts.models  # noqa: F401 - the imports fill the metadata


def metadata() -> MetaData:
    """Return the metadata of all tables."""
    return metadata_registry.get(None)
