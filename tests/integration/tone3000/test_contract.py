"""The stand-in keeps all promises of the contract, and broken promises are reported."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

from tests.support.processes import eventually
from tests.support.tone3000 import StandIn
from tone_shootout.tone3000.contract import Finding, Target, check_promises
from tone_shootout.tone3000.http_client import HttpClient


async def _findings(tone3000: StandIn, token: str | None = None, **settings: Any) -> dict[str, Finding]:
    reported: list[str] = []
    async with HttpClient(
        tone3000.settings(**{"search": True} | settings), None, on_deprecation=reported.append
    ) as http_client:
        target = Target(http_client, token or tone3000.token(), reported)
        return {finding.promise: finding async for finding in check_promises(target)}


def _broken(findings: dict[str, Finding]) -> list[str]:
    return [promise for promise, finding in findings.items() if finding.verdict == "broken"]


async def test_the_stand_in_keeps_every_promise_and_the_checks_only_read(tone3000: StandIn) -> None:
    tone3000.set_options(device_interval=0)
    findings = await _findings(tone3000)
    assert {finding.verdict for finding in findings.values()} == {"kept"}, findings
    assert len(findings) >= 20
    posted = {request["path"] for request in tone3000.requests() if request["method"] != "GET"}
    assert posted == {"/api/v1/oauth/token", "/api/v1/oauth/device_authorization"}


async def test_promises_without_an_example_are_left_out(tone3000: StandIn) -> None:
    for tone_id in (900101, 900103):
        tone3000.set_visibility(tone_id, "gone")
    findings = await _findings(tone3000, client_id="", search=False)
    left_out = [promise for promise, finding in findings.items() if finding.verdict == "left out"]
    assert len(left_out) == 4
    assert not _broken(findings)


async def test_broken_promises_are_reported(tone3000: StandIn) -> None:
    faults: dict[str, dict[str, Any]] = {
        "Trending tones": {"kind": "status", "path": "/trending$", "status": 200, "body": '{"data": []}'},
        "All other requests": {"kind": "status", "path": "/user$", "status": 200, "body": '{"id": 1, "username": "x"}'},
        "The file of a capture": {"kind": "status", "path": r"\.nam$", "status": 200, "body": "[]"},
        "Unknown authorization codes": {"kind": "html", "path": "/oauth/token$", "status": 500},
        "A device gets": {"kind": "html", "path": "/oauth/device_authorization$", "status": 403},
        "A sign-in with an unknown": {"kind": "redirect", "path": "/authorize$", "location": "http://127.0.0.1:1/"},
        "No request of the client": {"kind": "deprecated", "path": "/latest$"},
    }
    for fault in faults.values():
        tone3000.fault(times=0, **fault)
    broken = _broken(await _findings(tone3000, attempts=1))
    assert [promise for promise in broken if not promise.startswith(tuple(faults))] == []
    assert len(broken) == len(faults)


def _check(tone3000: StandIn, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SHOOTOUT_")},
        "SHOOTOUT_TONE3000_BASE_URL": tone3000.url,
        "SHOOTOUT_TONE3000_CLIENT_ID": "t3k_pub_stand_in",
        **({"TONE3000_TOKEN": token} if token else {}),
    }
    command = [sys.executable, "-m", "tone_shootout", "tone3000", "check", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


async def test_operators_can_check_with_their_own_secret_key(tone3000: StandIn) -> None:
    done = await asyncio.to_thread(_check, tone3000, "--json", token="t3k_cs_stand_in_of_lab_rat")
    assert done.returncode == 0, done.stderr
    assert {finding["verdict"] for finding in json.loads(done.stdout)} == {"kept", "left out"}


async def test_without_a_token_the_command_signs_in_as_a_device_and_fails_on_a_broken_promise(
    tone3000: StandIn,
) -> None:
    tone3000.set_options(device_interval=0)
    tone3000.fault("deprecated", "/latest$")
    checking = asyncio.create_task(asyncio.to_thread(_check, tone3000))
    await asyncio.to_thread(eventually, lambda: bool(tone3000.requests("/device_authorization$")))
    tone3000.decide(user="valve-shed")
    done = await checking
    assert done.returncode == 1
    assert "valve-shed" in done.stdout
    assert "✗ No request of the client uses a deprecated form" in done.stdout
    assert "1 of" in done.stderr
