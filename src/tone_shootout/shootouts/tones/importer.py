"""Imports from TONE3000 outside of requests, for the first phase of a job."""

from pathlib import Path
from uuid import UUID

from tone_shootout.accounts.connections import ConnectionService
from tone_shootout.kit.db.session import SessionMaker
from tone_shootout.kit.storage import Storage
from tone_shootout.rendering.media_info import Limits
from tone_shootout.shootouts.assets import AssetRef, WantedModel
from tone_shootout.shootouts.library.media_probe import MediaProbe
from tone_shootout.shootouts.library.quota import StorageQuota
from tone_shootout.shootouts.library.services import LibraryService
from tone_shootout.shootouts.tones.services import ToneService
from tone_shootout.tone3000.client import Tone3000
from tone_shootout.tone3000.download import Downloads
from tone_shootout.tone3000.http_client import HttpClient


class Importer:
    """Imports models of TONE3000 into libraries, each in a unit of work of its own.

    Args:
        sessions: opens units of work.
        storage: where files are stored.
        quota: storage quota of a user.
        connections: provides the users' tokens.
        http_client: HTTP client of TONE3000.
        limits: maximum file sizes.
    """

    def __init__(
        self,
        *,
        sessions: SessionMaker,
        storage: Storage,
        quota: StorageQuota,
        connections: ConnectionService,
        http_client: HttpClient,
        limits: Limits,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._quota = quota
        self._media_probe = MediaProbe(limits)
        self._limits = limits
        self._connections = connections
        self._tone3000, self._downloads = Tone3000(http_client), Downloads(http_client)

    async def import_model(self, owner_id: UUID, wanted: WantedModel, folder: Path) -> AssetRef:
        """Return a model's item in the owner's library; import it by way of `folder` if there is none.

        Raises:
            ProblemError: the model can't be imported. Errors of `tone3000.errors` state whether a retry can help.
        """
        tones = ToneService(self._sessions, self._connections, self._tone3000, self._downloads, self._limits, folder)
        async with self._sessions() as session, session.begin():
            library = LibraryService(session, self._storage, self._media_probe, self._quota)
            item, _ = await tones.import_model(owner_id, wanted.tone_id, wanted.model_id, library)
            return AssetRef.of(wanted.file, item)
