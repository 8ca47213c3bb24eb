"""The README's commands that start and use the service."""

import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.readme import arguments, run

pytestmark = pytest.mark.slow


class Served:
    """The service, started by one of the README's commands."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._process = process
        self.url = self.read_url("ready at")

    def read_url(self, text: str) -> str:
        """Read output up to the line that contains `text`; return the URL in it."""
        assert self._process.stdout is not None
        line = next(line for line in self._process.stdout if text in line)
        return str(re.findall(r"http://\S+", line)[0])


@contextmanager
def served(command: str, folder: Path, environ: dict[str, str]) -> Generator[Served, None, None]:
    """Run the service; end it with Ctrl-C and check its exit status."""
    with subprocess.Popen(
        arguments(command), cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Served(process)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def _signed_in(address: str) -> str:
    """Open a one-time address and press the button; return the name of the user."""
    url, _, code = address.partition("/sign-in?code=")
    with httpx.Client(base_url=url, timeout=30, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        assert "Sign in as" in browser.get(address).text
        assert browser.post("/sign-in", data={"code": code}).status_code == 303
        return str(browser.get("/api/v1/me").json()["name"])


@pytest.mark.thorough
def test_the_service_accepts_a_new_token_and_stops_on_ctrl_c(folder: Path, environ: dict[str, str]) -> None:
    with served("shootout serve", folder, environ) as service:
        accepts_a_new_token(service, folder, environ)


def accepts_a_new_token(service: Served, folder: Path, environ: dict[str, str]) -> None:
    token = run("shootout user token me", folder, environ).strip()
    me = httpx.get(f"{service.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert me.json()["name"] == "me"
    assert httpx.get(f"{service.url}/docs", timeout=30).status_code == 200
    assert run("shootout jobs list", folder, environ | {"SHOOTOUT_TOKEN": token}) == ""
    assert _signed_in(run("shootout user link me", folder, environ).strip()) == "me"


def test_with_the_tone3000_stand_in_it_accepts_a_new_token_and_a_sign_in_of_the_command_line(
    folder: Path, environ: dict[str, str]
) -> None:
    with served("shootout serve --fake-tone3000", folder, environ) as service:
        assert _signed_in(service.read_url("Sign in, within")) == "admin"
        stand_in = service.read_url("Stand-in")
        accepts_a_new_token(service, folder, environ)
        command = arguments("shootout login")
        with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE) as login:
            while login.poll() is None:  # approve the code as soon as it exists
                httpx.post(f"{stand_in}/control/devices", json={"allow": True}, timeout=30)
                with suppress(subprocess.TimeoutExpired):
                    login.wait(0.2)
            assert login.returncode == 0
