"""The README's text and commands."""

import re
import shlex
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.support.shared import PROJECT

README = (PROJECT / "README.md").read_text()
INSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv && "
UV = "python3 -m uv "
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
SPEC = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0]


def arguments(command: str) -> list[str]:
    """Return the arguments of one of the README's commands, in the form for readers who already have uv."""
    assert command in COMMANDS
    return shlex.split(command) if command.startswith("shootout ") else _of_uv(command)


def _of_uv(command: str) -> list[str]:
    return ["uv", *shlex.split(command.removeprefix(INSTALL).removeprefix(UV))]


def run(command: str, folder: Path, environ: dict[str, str]) -> str:
    """Run one of the README's commands, which must succeed; return its output."""
    done = subprocess.run(arguments(command), cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def signed_in(address: str) -> str:
    """Open a one-time address and press the button; return the name of the user."""
    url, _, code = address.partition("/sign-in?code=")
    with httpx.Client(base_url=url, timeout=30, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        assert "Sign in as" in browser.get(address).text
        assert browser.post("/sign-in", data={"code": code}).status_code == 303
        return str(browser.get("/api/v1/me").json()["name"])


def accepts_a_new_token(service: Served, folder: Path, environ: dict[str, str]) -> None:
    """Make a token and a one-time address by the README's commands, and use them."""
    token = run("shootout user token me", folder, environ).strip()
    me = httpx.get(f"{service.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert me.json()["name"] == "me"
    assert httpx.get(f"{service.url}/docs", timeout=30).status_code == 200
    assert run("shootout jobs list", folder, environ | {"SHOOTOUT_TOKEN": token}) == ""
    assert signed_in(run("shootout user link me", folder, environ).strip()) == "me"


def signs_in_from_the_command_line(service: Served, folder: Path, environ: dict[str, str]) -> None:
    """Run `shootout login` against the stand-in of TONE3000, and approve it there."""
    assert signed_in(service.read_url("Sign in, within")) == "admin"
    stand_in = service.read_url("Stand-in")
    with subprocess.Popen(arguments("shootout login"), cwd=folder, env=environ, stderr=subprocess.PIPE) as login:
        while login.poll() is None:  # approve the code as soon as it exists
            httpx.post(f"{stand_in}/control/devices", json={"allow": True}, timeout=30)
            with suppress(subprocess.TimeoutExpired):
                login.wait(0.2)
        assert login.returncode == 0
