"""Names of enumerations in the OpenAPI document. Generators invent names for those that have none."""

from typing import Any, Final

from tone_shootout.accounts.audit.services import AuditAction
from tone_shootout.accounts.principal import Role, Scope
from tone_shootout.administration.dtos import Severity
from tone_shootout.audio.constants import Channel
from tone_shootout.jobs.dtos import ArtifactType
from tone_shootout.jobs.status import Phase
from tone_shootout.jobs.webhooks.dtos import DeliveryStatus, DisabledReason
from tone_shootout.jobs.webhooks.events import EventName
from tone_shootout.kit.outages import Dependency
from tone_shootout.kit.readiness import CheckResult
from tone_shootout.listening.blind.dtos import ListeningTestKind, PreferenceMethod, ResultsVisibility
from tone_shootout.listening.blind.trials import Choice
from tone_shootout.listening.shares.dtos import ShareVisibility
from tone_shootout.rendering.executor.reporter import SegmentStatus
from tone_shootout.rendering.media_info import Kind
from tone_shootout.rendering.spec.schema import BandType, GearType, Override, Polarity, ReverbType
from tone_shootout.shootouts.services import Visibility
from tone_shootout.tone3000 import types as tone3000

NAMED_ENUMS: Final[dict[str, Any]] = {
    "ArtifactType": ArtifactType,
    "AuditAction": AuditAction,
    "BandType": BandType,
    "Channel": Channel,
    "CheckResult": CheckResult,
    "DeliveryStatus": DeliveryStatus,
    "Dependency": Dependency,
    "DisabledReason": DisabledReason,
    "Gear": GearType,
    "GrammarRule": Override,
    "JobPhase": Phase,
    "LibraryItemKind": Kind,
    "ListeningChoice": Choice,
    "ListeningTestKind": ListeningTestKind,
    "Polarity": Polarity,
    "PreferenceMethod": PreferenceMethod,
    "ReverbType": ReverbType,
    "Role": Role,
    "Severity": Severity,
    "ResultsVisibility": ResultsVisibility,
    "Scope": Scope,
    "SegmentStatus": SegmentStatus,
    "ShareVisibility": ShareVisibility,
    "Tone3000Architecture": tone3000.Architecture,
    "Tone3000Format": tone3000.Format,
    "Tone3000Gear": tone3000.Gear,
    "Tone3000Size": tone3000.Size,
    "Visibility": Visibility,
    "WebhookEvent": EventName,
}
