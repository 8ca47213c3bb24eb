"""The stand-in for TONE3000 as a process of its own, and its switches."""

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
    """A running stand-in; its own docstrings say what the switches do."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def settings(self, **changed: Any) -> Tone3000Settings:
        """What a service that uses it is configured with: no waiting that a test would have to sit through."""
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
        self._switch("POST", "reset")

    def behave(self, **options: Any) -> None:
        """See `world.Options`; what is left out is as at the start."""
        self._switch("PUT", "options", options)

    def answer_sign_ins(self, outcome: str = "allow", **answer: Any) -> None:
        """Let the sign-in page answer by itself, as `world.Answer` says."""
        self.behave(answer={"outcome": outcome, **answer})

    def fault(self, kind: str, path: str = "", **fault: Any) -> None:
        """See `world.Fault`."""
        self._switch("POST", "faults", {"kind": kind, "path": path, **fault})

    def tokens(self, user: str = "lab_rat") -> dict[str, Any]:
        """A pair of tokens, without a sign-in."""
        found: dict[str, Any] = self._switch("POST", "tokens", {"user": user}).json()
        return found

    def token(self, user: str = "lab_rat") -> str:
        return str(self.tokens(user)["access_token"])

    def revoke(self, user: str = "lab_rat") -> None:
        self._switch("POST", "revoke", {"user": user})

    def expire(self, user: str = "lab_rat") -> None:
        self._switch("POST", "expire", {"user": user})

    def decide(self, user_code: str | None = None, *, allow: bool | None = True, user: str = "lab_rat") -> None:
        """Let a device in (the last one that came, unless its code is given), or not; None: its code expires."""
        self._switch("POST", "devices", {"user_code": user_code, "allow": allow, "user": user})

    def show(self, tone_id: int, visibility: str) -> None:
        """Let a tone be `public`, `private` or `gone`."""
        self._switch("PUT", f"tones/{tone_id}", {"visibility": visibility})

    def requests(self, path: str = "", **fields: Any) -> list[dict[str, Any]]:
        """What was asked of it: those whose path matches and whose fields are as given."""
        found = self._switch("GET", "requests").json()
        return [
            request
            for request in found
            if re.search(path, request["path"]) and all(request[name] == value for name, value in fields.items())
        ]

    def close(self) -> None:
        self._http.close()

    def _switch(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self._http.request(method, f"/control/{path}", json=body)
        assert answer.is_success, answer.text
        return answer


@contextmanager
def standing_in() -> Generator[StandIn, None, None]:
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
