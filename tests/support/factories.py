"""Rows with everything that the schema demands, and nothing else decided."""

import secrets
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from polyfactory import Use
from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
from polyfactory.field_meta import FieldMeta

from tone_shootout.accounts.audit.models import AuditEvent
from tone_shootout.accounts.models import ApiToken, IdempotencyRecord, Tone3000Connection, User, UserQuota, UserSession
from tone_shootout.administration.models import Announcement, MaintenanceMode
from tone_shootout.jobs.models import Job, JobArtifact, JobEvent, JobPicture, RenderCacheEntry
from tone_shootout.jobs.status import JobStatus
from tone_shootout.jobs.webhooks.models import Webhook, WebhookDelivery
from tone_shootout.listening.blind.models import ListeningSession, ListeningTest
from tone_shootout.listening.shares.models import Share, SharePicture
from tone_shootout.shootouts.library.models import LibraryItem, LibraryPicture
from tone_shootout.shootouts.models import Shootout, ShootoutAsset

_numbers = count(1)
T = TypeVar("T")


class _Factory(SQLAlchemyFactory[T]):
    """Times have a time zone here, and text is at least half as long as its column allows: never empty, never twice."""

    __is_base_factory__ = True

    @classmethod
    def get_provider_map(cls) -> dict[Any, Any]:
        ours = {datetime: lambda: datetime.now(UTC), bytes: lambda: secrets.token_bytes(32)}
        return {**super().get_provider_map(), **ours}

    @classmethod
    def get_constrained_field_value(cls, annotation: Any, field_meta: FieldMeta, *args: Any, **kwargs: Any) -> Any:
        constraints = field_meta.constraints
        if annotation in {str, bytes} and constraints and (longest := constraints.get("max_length")):
            constraints.setdefault("min_length", (longest + 1) // 2)
        return super().get_constrained_field_value(annotation, field_meta, *args, **kwargs)


def _empty() -> dict[str, str]:
    return {}


class UserFactory(_Factory[User]):
    """Somebody who may sign in."""

    name = Use(lambda: f"user-{next(_numbers)}")
    role = "user"
    is_active = True


class UserQuotaFactory(_Factory[UserQuota]):
    """Limits of `user_id`."""

    storage_bytes = 1_000_000
    library_items = 10
    queued_jobs = 5


class MaintenanceModeFactory(_Factory[MaintenanceMode]):
    """Maintenance mode that is on."""

    id = 1
    retry_after_s = 600


class AnnouncementFactory(_Factory[Announcement]):
    """An announcement that is shown."""

    severity = "info"
    starts_at = Use(lambda: datetime.now(UTC) - timedelta(hours=1))
    ends_at = None


class AuditEventFactory(_Factory[AuditEvent]):
    """An event of the audit log."""

    action = "token_created"
    data: Any = Use(_empty)


class Tone3000ConnectionFactory(_Factory[Tone3000Connection]):
    """A connection of `user_id` with TONE3000 that has ended."""

    tokens = None


class LibraryItemFactory(_Factory[LibraryItem]):
    """A DI track of `owner_id`."""

    name = Use(lambda: f"Riff {next(_numbers)}")
    kind = "di_track"
    size = 1


class ShootoutFactory(_Factory[Shootout]):
    """A shootout of `owner_id`."""

    title = Use(lambda: f"Shootout {next(_numbers)}")
    schema_version = 1
    visibility = "private"
    labels: Any = Use(_empty)


class ShootoutAssetFactory(_Factory[ShootoutAsset]):
    """What a shootout uses."""

    __set_foreign_keys__ = True


class JobFactory(_Factory[Job]):
    """A job of `owner_id` and `shootout_id` that waits."""

    title = Use(lambda: f"Job {next(_numbers)}")
    inputs: Any = Use(
        lambda: {
            "spec": {
                "di_tracks": [{"name": "Riff", "file": "riff.wav"}],
                "chains": [{"name": "Dry", "blocks": [{"type": "gain", "gain_db": 0.0}]}],
            },
            "assets": {},
        }
    )
    status = JobStatus.QUEUED.value
    phase = None
    cost_s = 1.0
    attempt = 0
    interruptions = 0
    not_before = None
    waiting_for = None
    event_seq = 1
    progress_done = 0.0
    progress_total = 0.0
    summary = None
    labels: Any = Use(_empty)


class JobEventFactory(_Factory[JobEvent]):
    """The first line of a job's log."""

    seq = 1
    type = "status"


class RenderCacheEntryFactory(_Factory[RenderCacheEntry]):
    """Sound that is kept for `owner_id`."""

    __set_foreign_keys__ = True
    size = 1


class WebhookFactory(_Factory[Webhook]):
    """An endpoint of `owner_id` that hears of ends."""

    url = "https://hooks.example/"
    events = ["job.completed", "job.failed", "job.cancelled"]  # noqa: RUF012 - polyfactory's way to fix a value
    previous_secret = None
    previous_until = None
    disabled_reason = None
    succeeded_at = None


class WebhookDeliveryFactory(_Factory[WebhookDelivery]):
    """A message to `webhook_id` that has arrived."""

    __set_foreign_keys__ = True
    type = "job.completed"
    payload = "{}"
    status = "delivered"
    attempts = 1
    round_attempts = 1
    next_attempt_at = None
    log = Use(list[Any])


class ShareFactory(_Factory[Share]):
    """A share of `job_id` of `owner_id` without segments."""

    __set_foreign_keys__ = True
    visibility = "unlisted"
    title = "Two crunches"
    slug = Use(lambda: secrets.token_urlsafe(12))
    facts = Use(
        lambda: {
            "level": {"requested_lufs": -16, "target_lufs": -16, "ceiling_dbtp": -1},
            "segments": [],
            "credits": [],
        }
    )
    picture_sha256 = None


class SharePictureFactory(_Factory[SharePicture]):
    """The picture of `share_id`."""

    __set_foreign_keys__ = True


class LibraryPictureFactory(_Factory[LibraryPicture]):
    """The picture of `item_id`."""

    __set_foreign_keys__ = True


class JobPictureFactory(_Factory[JobPicture]):
    """A picture of `job_id`."""

    __set_foreign_keys__ = True


class ListeningTestFactory(_Factory[ListeningTest]):
    """A test of `share_id` of `owner_id` that is closed."""

    __set_foreign_keys__ = True
    kind = "abx"
    method = None
    positions = Use(lambda: [1, 2])
    trials = 8
    start_s = 0.0
    duration_s = 1.0
    results = "at_end"
    closes_at = Use(lambda: datetime.now(UTC) - timedelta(days=1))


class ListeningSessionFactory(_Factory[ListeningSession]):
    """A session of `test_id` that nobody has the cookie of."""

    __set_foreign_keys__ = True
    stimuli = Use(list[Any])
    answers = Use(list[Any])
    finished_at = None


class IdempotencyRecordFactory(_Factory[IdempotencyRecord]):
    """An answer that is kept for `owner_id`."""

    __set_foreign_keys__ = True
    fingerprint = bytes(32)
    status = 202
    headers: Any = Use(_empty)


class JobArtifactFactory(_Factory[JobArtifact]):
    """A result of a job."""

    path = "manifest.json"
    size = 1


class ApiTokenFactory(_Factory[ApiToken]):
    """A token of `user_id` that is good until it is revoked."""

    __set_foreign_keys__ = True
    scope = "write"
    hash = Use(lambda: secrets.token_bytes(32))
    expires_at = None
    revoked_at = None


class UserSessionFactory(_Factory[UserSession]):
    """A session of `user_id` that is good for a day more."""

    __set_foreign_keys__ = True
    scope = "write"
    api_token_id = None
    refresh_hash = Use(lambda: secrets.token_bytes(32))
    expires_at = Use(lambda: datetime.now(UTC) + timedelta(days=1))
    revoked_at = None
