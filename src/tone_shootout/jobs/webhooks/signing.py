"""Secrets and signatures by Standard Webhooks 1.0.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The standard requires 24 to 64."""


def new_secret() -> str:
    """Return a new secret in the standard's format."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, timestamp: int, body: str, signing: Iterable[str]) -> dict[str, str]:
    """Return the id, timestamp and signature headers of a message.

    Args:
        message_id: identical in all attempts.
        timestamp: time of this attempt, in seconds since 1970.
        body: the body as sent.
        signing: secrets; one signature each.
    """
    content = f"{message_id}.{timestamp}.{body}".encode()
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), content, hashlib.sha256)).decode()
        for secret in signing
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
