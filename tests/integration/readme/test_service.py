"""The README's service: started, opened, stopped."""

import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.readme import run, words

pytestmark = pytest.mark.slow


class Served:
    """The service, as somebody started it with one of the README's commands."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._process = process
        self._said: list[str] = []
        self.url = self.told("ready at")

    def told(self, sign: str) -> str:
        """The address in the line that it says with `sign` in it."""
        assert self._process.stdout is not None
        line = next(line for line in self._process.stdout if sign in line)
        return str(re.findall(r"http://\S+", line)[0])


@contextmanager
def served(command: str, desk: Path, environ: dict[str, str]) -> Generator[Served, None, None]:
    """Run the service until Ctrl-C ends it, in order."""
    with subprocess.Popen(
        words(command), cwd=desk, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Served(process)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_service_runs_a_token_opens_it_and_ctrl_c_ends_it(desk: Path, environ: dict[str, str]) -> None:
    with served("python3 -m uv run shootout serve", desk, environ) as service:
        token = run("python3 -m uv run shootout user token me", desk, environ).strip()
        me = httpx.get(f"{service.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert me.json()["name"] == "me"
        assert httpx.get(f"{service.url}/docs", timeout=30).status_code == 200
        assert run("python3 -m uv run shootout jobs list", desk, environ | {"SHOOTOUT_TOKEN": token}) == ""


def test_one_signs_in_with_the_stand_in_for_tone3000(desk: Path, environ: dict[str, str]) -> None:
    with served("python3 -m uv run shootout serve --fake-tone3000", desk, environ) as service:
        stand_in = service.told("Stand-in")
        command = words("python3 -m uv run shootout login")
        with subprocess.Popen(command, cwd=desk, env=environ, stderr=subprocess.PIPE) as login:
            while login.poll() is None:  # as if somebody typed in the code as soon as there is one
                httpx.post(f"{stand_in}/control/devices", json={"allow": True}, timeout=30)
                with suppress(subprocess.TimeoutExpired):
                    login.wait(0.2)
            assert login.returncode == 0
        assert run("python3 -m uv run shootout jobs list", desk, environ) == ""
