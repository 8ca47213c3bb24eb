"""Whole examples of every body in the OpenAPI document.

An example is assembled from the examples of the fields, which their structs declare. This module has what that can't
give: fields whose values depend on their struct, and bodies whose fields depend on each other.
"""

from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]

_JOB: Final = "/api/v1/jobs/0197a6c2-7b3e-7c55-9a40-5f1d2c3b4a01"
_SHOOTOUT: Final = "/api/v1/shootouts/0197a6c2-6a11-7d02-8c7e-3b9a1d5e6f02"
_ITEM: Final = "/api/v1/library/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"
_TONE: Final = "/api/v1/tones/900101"
_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ID: Final = "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"
_WEBHOOK: Final = f"/api/v1/webhooks/{_ID}"
_DELIVERY: Final = f"{_WEBHOOK}/deliveries/0197a6c2-9c4f-7e66-8b51-6a2e3d4c5b03"
_TIME: Final = "2026-11-28T12:00:00Z"

CONFIG: Final[Json] = {
    "title": "Two crunches",
    "level": {"target_lufs": -16.0},
    "di_tracks": [{"name": "Riff in E", "asset": "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"}],
    "chains": [
        {
            "name": "Plexi, V30",
            "blocks": [
                {"type": "capture", "asset": "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a222"},
                {"type": "cab_ir", "asset": "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a333"},
                {
                    "type": "eq",
                    "bands": [
                        {"type": "highpass", "frequency_hz": 80.0},
                        {"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0, "q": 0.9},
                    ],
                },
            ],
        },
        {
            "name": "JCM, Greenback",
            "blocks": [
                {"type": "capture", "tone3000": {"tone_id": 900101, "model_id": 910001}},
                {"type": "cab_ir", "asset": "0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a444", "mix": 0.9},
                {"type": "reverb", "mix": 0.15},
            ],
        },
    ],
}
"""A config as `POST /api/v1/shootouts` accepts it."""

FIELDS: Final[dict[str, Any]] = {
    "JobOfUserLinks.self": f"/api/v1/admin/jobs/{_ID}",
    "JobOfUserLinks.owner": f"/api/v1/admin/users/{_ID}",
    "JobOfUserLinks.cancel": None,
    "JobOfUserLinks.retry": f"/api/v1/admin/jobs/{_ID}/retry",
    "UserLinks.self": f"/api/v1/admin/users/{_ID}",
    "UserLinks.jobs": f"/api/v1/admin/jobs?owner_id={_ID}",
    "UserLinks.audit_log": f"/api/v1/admin/audit-log?user_id={_ID}",
    "AnnouncementLinks.self": f"/api/v1/admin/announcements/{_ID}",
    "sha256": _HASH,
    "render_key": _HASH,
    "ArtifactLinks.content": f"{_JOB}/artifacts/manifest.json",
    "ArtifactLinks.job": _JOB,
    "TicketLinks.ws": f"{_JOB}/ws?ticket=wst_…",
    "WebhookLinks.self": _WEBHOOK,
    "WebhookLinks.deliveries": f"{_WEBHOOK}/deliveries",
    "WebhookLinks.test": f"{_WEBHOOK}/test",
    "WebhookLinks.secret": f"{_WEBHOOK}/secret",
    "DeliveryLinks.self": _DELIVERY,
    "DeliveryLinks.webhook": _WEBHOOK,
    "DeliveryLinks.redeliver": f"{_DELIVERY}/redeliver",
    "TokenLinks.self": f"/api/v1/me/tokens/{_ID}",
    "SessionLinks.self": f"/api/v1/me/sessions/{_ID}",
    "DeviceLinks.poll": "/api/v1/auth/device/poll",
    "MeLinks.self": "/api/v1/me",
    "MeLinks.tokens": "/api/v1/me/tokens",
    "MeLinks.sessions": "/api/v1/me/sessions",
    "MeLinks.export": "/api/v1/me/export",
    "CreatorRead.id": "8d1c1b0e",
    "CreatorRead.avatar_url": "https://www.tone3000.com/avatars/valve-shed.png",
    "CreatorRead.url": "https://www.tone3000.com/valve-shed",
    "ItemSource.creator_url": "https://www.tone3000.com/valve-shed",
    "ItemSource.url": "https://www.tone3000.com/tones/900101",
    "ToneRead.url": "https://www.tone3000.com/tones/900101",
    "license_url": "https://creativecommons.org/licenses/by-nc/4.0/",
    "LicenseRead.url": "https://creativecommons.org/licenses/by-nc/4.0/",
    "ToneRead.description": "A bright channel, pushed by its own preamp.",
    "ToneRead.images": ["https://www.tone3000.com/images/900101.jpg"],
    "FileNotice.detail": "12 samples in a row are at full scale. Record it with less gain.",
    "NoticeRead.detail": "“Gain 3” may not be used commercially (CC BY-NC).",
    "JobErrorRead.detail": "The chain “Plexi, V30” is silent. Check its gain.",
    "Problem.detail": "Shootout not found.",
    "Problem.type": "about:blank",
    "Health.checks": {"database": "ok"},
    "WantedModel.file": "tone3000:900101/910001",
    "PlannedSegmentRead.calibration": "as recorded",
    "notes": "Bridge pickup, no pedal.",
    "access_token": "eyJhbGciOiJIUzI1NiJ9…",
    "refresh_token": "tsr_…",
    "ticket": "wst_…",
    "WebhookRead.url": "https://studio.example.org/hooks/shootout",
    "WebhookRead.description": "posts results to the band chat",
    "ItemLinks.self": _ITEM,
    "ItemLinks.content": f"{_ITEM}/content",
    "ItemLinks.usage": f"{_ITEM}/usage",
    "ItemUseLinks.shootout": _SHOOTOUT,
    "ShootoutLinks.self": _SHOOTOUT,
    "PublicShootoutLinks.self": None,
    "ShootoutLinks.plan": f"{_SHOOTOUT}/plan",
    "ShootoutLinks.jobs": f"{_SHOOTOUT}/jobs",
    "ToneLinks.self": _TONE,
    "ToneLinks.models": f"{_TONE}/models",
    "ModelLinks.tone": _TONE,
    "ModelLinks.import": f"{_TONE}/models/910001/import",
    "ModelLinks.library_item": None,
    "JobLinks.self": _JOB,
    "JobLinks.events": f"{_JOB}/events",
    "JobLinks.ws": f"{_JOB}/ws",
    "JobLinks.artifacts": f"{_JOB}/artifacts",
    "JobLinks.archive": f"{_JOB}/archive",
    "JobLinks.bundle": f"{_JOB}/bundle",
    "JobLinks.page": _JOB.removeprefix("/api/v1"),
    "JobLinks.shootout": _SHOOTOUT,
    "JobLinks.cancel": None,
    "JobLinks.retry": None,
    "started_at": "2026-11-28T12:00:01Z",
    "finished_at": "2026-11-28T12:00:06Z",
    "job_id": _JOB.rpartition("/")[2],
    "JobRead.id": _JOB.rpartition("/")[2],
    "shootout_id": _SHOOTOUT.rpartition("/")[2],
    "ShootoutRead.id": _SHOOTOUT.rpartition("/")[2],
    "NewShootoutRead.id": _SHOOTOUT.rpartition("/")[2],
    "size_bytes": 1_152_044,
    "samples": 384_000,
    "sample_rate_hz": 48_000,
    "duration_s": 8.0,
    "channels": 1,
    "peak_dbfs": -6.2,
    "architecture": "WaveNet",
    "size_class": "standard",
    "parameters": 13_802,
    "receptive_field_samples": 8_185,
    "CaptureInfo.name": "Plexi, gain 3",
    "PartInfo.name": "Plexi, gain 3",
    "CaptureInfo.gear": "amp",
    "PartInfo.gear": "amp",
    "SizeInfo.gear": "amp",
    "input_level_dbu": 12.2,
    "catalog_gear": "amp",
}
"""Examples of fields by name, or by schema and name, which takes precedence."""

BODIES: Final[dict[str, Json]] = {
    "Config": CONFIG,
    "ShootoutUpdate": {"config": {"title": "Two crunches, louder", "level": {"target_lufs": -14.0}}},
    "JobRead": {
        "status": "completed",
        "phase": None,
        "progress": {"percent": 100.0, "done": 2_800_000.0, "total": 2_800_000.0, "eta_s": None},
        "error": None,
        "waiting_for": None,
        "notices": [],
    },
    "StatusData": {"status": "running"},
    "PlanRead": {"to_fetch": []},
    "ShootoutCreate": {"submit": True},
    "ValidationRead": {"errors": []},
    "Fault": {"pointer": "/config/chains/0/blocks"},
    "LibraryItemRead": {"gear": None, "source": None},
    "UploadResultRead": {"filename": "riff.wav", "archive": None, "problem": None},
    "DiTrackInfo": {"notices": []},
    "ToneRead": {"kind": "capture", "is_public": True},
    "ModelRead": {"kind": "capture", "library_item_id": None},
    "MeRead": {"scope": "write"},
    "JobOfUserRead": {"status": "failed", "phase": None, "waiting_for": None},
    "MaintenanceRead": {"active": True},
    "UserRead": {"active": True},
    "Tone3000Read": {"connected": True},
    "WebhookRead": {"disabled_reason": None},
    "DeliveryRead": {"status": "delivered", "next_attempt_at": None},
    "DeliveryAttemptRead": {"error": None},
    "SignInResultRead": {"signed_in": True},
    "OpenSessionRead": {"current": True, "scope": "write", "expires_at": "2026-12-28T12:00:00Z"},
    "TokenRead": {"expires_at": None},
}
"""Whole bodies, or values of fields that replace the assembled ones."""
_WHOLE: Final = frozenset({"Config", "ShootoutUpdate"})


def add_examples(document: Json) -> None:
    """Add an example to every body of the document that has none."""
    examples = Examples(document["components"]["schemas"])
    for item in (*document["paths"].values(), *document["webhooks"].values()):
        for operation in item.values():
            for media in _bodies(operation):
                if "example" not in media and "examples" not in media:
                    media["example"] = examples.of(media["schema"])
    for name, item in document["webhooks"].items():
        (media,) = item["post"]["requestBody"]["content"].values()
        job = media["example"]["data"].get("job")
        if job is not None:
            job = _in_status(job, name.removeprefix("job."), examples)
            media["example"] = {**media["example"], "type": name, "data": {"seq": 41, "job": job}}
    for path in ("/api/v1/shootouts", "/api/v1/shootouts/{shootout_id}/duplicate"):
        (media,) = document["paths"][path]["post"]["responses"]["201"]["content"].values()
        media["example"] = {**media["example"], "job": _in_status(media["example"]["job"], "pending", examples)}


def _in_status(job: Json, status: str, examples: "Examples") -> Json:
    """Return the example of a completed job as it is in another status."""
    if status == "completed":
        return job
    path = job["links"]["self"]
    finished = status in ("failed", "cancelled")
    links = {"retry": f"{path}/retry"} if finished else {"cancel": f"{path}/cancel", "archive": None, "bundle": None}
    return {
        **job,
        "status": status,
        "phase": "render" if status in ("running", "cancelling") else None,
        "progress": {**job["progress"], "percent": 0.0, "done": 0.0},
        "error": examples.of({"$ref": "#/components/schemas/JobErrorRead"}) if status == "failed" else None,
        "summary": None,
        "started_at": None if status in ("pending", "queued") else job["started_at"],
        "finished_at": job["finished_at"] if finished else None,
        "links": {**job["links"], **links},
    }


def _bodies(operation: Json) -> Iterator[Json]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for response in operation["responses"].values():
        yield from (
            media for media in response.get("content", {}).values() if media["schema"].get("format") != "binary"
        )


class Examples:
    """Assembles examples of schemas.

    Args:
        schemas: all schemas by name.
    """

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas

    def of(self, schema: Json, field: str = "", owner: str = "") -> Any:
        """Return an example of a schema, which may be that of a field of a named schema.

        Raises:
            ValueError: no example can be made; the field has to declare one.
        """
        for key in (f"{owner}.{field}", field):
            if key in FIELDS:
                return FIELDS[key]
        if "examples" in schema:
            return schema["examples"][0]
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2])
        if "const" in schema:
            return schema["const"]
        if "oneOf" in schema:
            return self.of(schema["oneOf"][0], field, owner)
        return self._plain(schema, field, owner)

    def _named(self, name: str) -> Any:
        schema = self._schemas[name]
        if name in _WHOLE:
            return BODIES[name]
        if "properties" not in schema:
            return self.of(schema)
        made = {
            field: self.of(described, field, name)
            for field, described in schema["properties"].items()
            if field in schema["required"] or "additionalProperties" in schema
        }
        return {**made, **BODIES.get(name, {})}

    def _plain(self, schema: Json, field: str, owner: str) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        match schema:
            case {"format": "uuid"}:
                return _ID
            case {"format": "date-time"}:
                return _TIME
            case {"format": "binary"}:
                return "(content of the file)"
            case {"type": "array", "items": items}:
                return [self.of(items, "", owner) for _ in range(max(1, schema.get("minItems", 1)))]
            case {"type": "object", "properties": fields}:
                return {name: self.of(described, name, owner) for name, described in fields.items()}
            case {"type": "boolean"}:
                return False
        raise ValueError(f"{owner}.{field}: has no example; declare one with `Meta(examples=[…])`")
