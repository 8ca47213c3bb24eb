"""Settings of requests to other services: TONE3000 and webhooks."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from urllib.parse import urlsplit

from tone_shootout.kit.settings._errors import PREFIX, SettingsError
from tone_shootout.kit.settings._types import Positive, Seconds
from tone_shootout.kit.settings._urls import HOST, is_origin


@dataclass(frozen=True, slots=True)
class Tone3000Settings:
    """TONE3000: sign-in and library."""

    base_url: str = "https://www.tone3000.com"
    """URL of TONE3000, without a path."""
    client_id: str = ""
    """Publishable key (`t3k_pub_…`) of this installation; empty: TONE3000 is disabled. Never a secret key."""
    redirect_url: str = ""
    """OAuth redirect URL; empty: `/api/v1/auth/callback` under the public URL."""
    search: bool = False
    """Enable search of the whole library, which TONE3000 reserves for commercial agreements."""
    file_hosts: list[str] = field(default_factory=lambda: ["api.tone3000.com"])
    """Additional hosts that a download may be redirected to; they never receive a token."""
    requests_per_minute: Positive = 100
    """Requests of the whole installation; TONE3000 allows 100."""
    searches_per_minute: Positive = 10
    """Searches among these requests."""
    patience_s: float = 5.0
    """Longest time that a request waits for the rate limit."""
    attempts: Positive = 3
    """Attempts at a read request when TONE3000 does not respond."""
    timeout_s: Seconds = 30.0
    """Timeout of a request."""
    download_timeout_s: Seconds = 120.0
    """Timeout of a download."""
    answer_bytes: Positive = 4_000_000
    """Largest response."""
    download_bytes: Positive = 16_777_216
    """Largest download."""

    def __post_init__(self) -> None:
        """Reject a secret key, malformed addresses and plain HTTP to other machines.

        Raises:
            SettingsError: names the variable, without its value.
        """
        if self.client_id.startswith("t3k_cs_"):
            raise SettingsError(f"{PREFIX}_TONE3000_CLIENT_ID: got a secret key, expected the publishable t3k_pub_…")
        if self.redirect_url and not is_origin(re.sub(r"(?<=[^/:])/.*", "", self.redirect_url)):
            raise SettingsError(f"{PREFIX}_TONE3000_REDIRECT_URL: expected http(s)://host[:port]/path")
        if not all(HOST.fullmatch(host) for host in self.file_hosts):
            raise SettingsError(f"{PREFIX}_TONE3000_FILE_HOSTS: expected names of hosts, as api.tone3000.com")
        if not is_origin(self.base_url):
            raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: expected scheme and host alone")
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError(f"{PREFIX}_TONE3000_BASE_URL: expected https://… (http:// on this machine only)")


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Webhooks."""

    endpoints: int = 10
    """Webhooks per user."""
    allowed_networks: list[str] = field(default_factory=list)
    """Private networks that webhooks may reach, in CIDR notation, separated by commas, for instance `10.0.0.0/8`."""
    timeout_s: Seconds = 10.0
    """Timeout of one delivery, response included."""
    poll_s: Seconds = 1.0
    """Seconds between searches for due messages."""

    def __post_init__(self) -> None:
        """Reject malformed networks.

        Raises:
            SettingsError: names the variable.
        """
        try:
            for network in self.allowed_networks:
                ip_network(network)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}_WEBHOOKS_ALLOWED_NETWORKS: {error}") from None
