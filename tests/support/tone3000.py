"""The TONE3000 stand-in as a separate process, and its control endpoints."""

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx

from tone_shootout.embedded.launch import launch_command
from tone_shootout.kit.settings import Tone3000Settings

CLIENT_ID = "t3k_pub_stand_in"


class StandIn:
    """A running stand-in; `fake_tone3000.control` documents the control endpoints."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def settings(self, **changed: Any) -> Tone3000Settings:
        """Return settings for a service that uses the stand-in, with limits that keep tests fast."""
        values: dict[str, Any] = {
            "base_url": self.url,
            "client_id": CLIENT_ID,
            "requests_per_minute": 6_000,
            "searches_per_minute": 6_000,
            "patience_s": 0.2,
            "timeout_s": 20.0,
        }
        return Tone3000Settings(**values | changed)

    def reset(self) -> None:
        self._control("POST", "reset")

    def set_options(self, **options: Any) -> None:
        """Set options, see `world.Options`; omitted fields get their defaults."""
        self._control("PUT", "options", options)

    def answer_sign_ins(self, outcome: str = "allow", **answer: Any) -> None:
        """Set an automatic outcome of sign-ins, see `world.Answer`."""
        self.set_options(answer={"outcome": outcome, **answer})

    def fault(self, kind: str, path: str = "", **fault: Any) -> None:
        """Add a fault, see `world.Fault`."""
        self._control("POST", "faults", {"kind": kind, "path": path, **fault})

    def tokens(self, user: str = "lab_rat") -> dict[str, Any]:
        """Return a pair of tokens without a sign-in."""
        found: dict[str, Any] = self._control("POST", "tokens", {"user": user}).json()
        return found

    def token(self, user: str = "lab_rat") -> str:
        return str(self.tokens(user)["access_token"])

    def revoke(self, user: str = "lab_rat") -> None:
        self._control("POST", "revoke", {"user": user})

    def expire(self, user: str = "lab_rat") -> None:
        self._control("POST", "expire", {"user": user})

    def decide(self, user_code: str | None = None, *, allow: bool | None = True, user: str = "lab_rat") -> None:
        """Allow or deny a device, the most recent one by default; None expires its code."""
        self._control("POST", "devices", {"user_code": user_code, "allow": allow, "user": user})

    def set_visibility(self, tone_id: int, visibility: str) -> None:
        """Set the visibility of a tone: `public`, `private` or `gone`."""
        self._control("PUT", f"tones/{tone_id}", {"visibility": visibility})

    def requests(self, path: str = "", **fields: Any) -> list[dict[str, Any]]:
        """Return the logged requests whose path matches and whose fields have the given values."""
        found = self._control("GET", "requests").json()
        return [
            request
            for request in found
            if re.search(path, request["path"]) and all(request[name] == value for name, value in fields.items())
        ]

    def close(self) -> None:
        self._http.close()

    def _control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self._http.request(method, f"/control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer


@contextmanager
def run_stand_in() -> Generator[StandIn, None, None]:
    """Run a stand-in on a free port."""
    command = launch_command(
        [sys.executable, "-P", "-m", "tone_shootout.fake_tone3000"], writes=[], orphan_signal=signal.SIGTERM
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            stand_in = StandIn(process.stdout.readline().strip())
            try:
                yield stand_in
            finally:
                stand_in.close()
        finally:
            process.kill()
