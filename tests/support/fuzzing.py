"""Requests that schemathesis makes out of the document, and what must hold of every answer."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.security import World

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LARGE = {"create_shootout", "change_shootout"}
"""Take whole configurations: a case of theirs costs as much as twenty others, so they get fewer and one round."""
SHARES = {
    frozenset({"accounts", "operating", "tones"}): 1_750,
    frozenset({"library", "shootouts"}): 1_250,
    frozenset({"jobs", "webhooks"}): 2_000,
    frozenset({"shares", "listening tests"}): 1_000,
    frozenset({"administration"}): 600,
}
"""How many requests are sent at least, by the tags of the operations; a file of tests each."""
ENDLESS = "follow_job"
"""Is asked about jobs that are not there: the stream of one that is ends with the job."""
LAST = {"delete_me", "end_all_sessions"}
"""Would end the account or the sessions that the other requests need. They take nothing that could be varied."""


@dataclass
class Fuzzer:
    """Sends requests for one person, and counts them."""

    base_url: str
    world: World
    tags: frozenset[str]
    sent: int = 0
    statuses: dict[str, set[int]] = field(default_factory=dict)
    """By operation, what came."""

    def run(self, at_least: int) -> None:
        """Send requests of all operations in turn, with data that fits the document and with data that does not."""
        schema = schemathesis.openapi.from_url(f"{self.base_url}/openapi.json")
        found = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]  # our document is valid
        chosen = [
            operation
            for operation in found
            if self.tags.intersection(operation.tags or []) and operation.definition.raw["operationId"] not in LAST
        ]
        # What is there is deleted when everything else has been asked about it.
        chosen.sort(key=lambda operation: operation.method == "delete")
        number = 0
        with requests.Session() as session:
            session.trust_env = False  # looks for proxies and a .netrc before every request
            session.headers["Authorization"] = f"Bearer {self.world.person.token}"
            while number == 0 or self.sent < at_least:
                for operation in chosen:
                    for mode in GenerationMode:
                        self._round(operation, mode, number, session)
                number += 1

    def _examples(self, name: str) -> int:
        """Return the number of cases of an operation in one round and mode.

        Each is sent twice where its path names something: about what there is, and about what schemathesis has made up.
        """
        if name in LARGE:
            return 12
        return 30

    def _round(self, operation: Any, mode: GenerationMode, number: int, session: requests.Session) -> None:
        name = operation.definition.raw["operationId"]
        if name in LARGE and number > 0:
            return
        there = {key: self.world.values[key] for key in re.findall(r"{(\w+)}", operation.path)}

        @seed(number)
        @settings(
            max_examples=self._examples(name),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Case[Any]) -> None:
            self._send(name, case, session)
            if there and name != ENDLESS:
                case.path_parameters = dict(there)
                self._send(name, case, session)

        try:
            send()
        except Unsatisfiable:
            return  # nothing can be wrong with a request that has no parts

    def _send(self, name: str, case: Case[Any], session: requests.Session) -> None:
        answer = case.call(session=session, timeout=60, allow_redirects=False)
        self.sent += 1
        self.statuses.setdefault(name, set()).add(answer.status_code)
        # A file may be JSON, such as a manifest: it is described as binary, whatever is in it.
        responses = case.operation.definition.raw["responses"]
        described = responses.get(str(answer.status_code), {}).get("content", {})
        unfit = {response_schema_conformance} if "*/*" in described else set()
        if answer.status_code == 501 and "501" in responses:
            unfit.add(not_a_server_error)  # what a standard demands for a format that the service does not have
        case.validate_response(answer, checks=[check for check in CHECKS if check not in unfit])


async def fuzz(base_url: str, world: World, *tags: str) -> None:
    """Send the share of requests that the operations of some tags get, and look at every answer.

    A failure names the request that has caused it.
    """
    fuzzer = Fuzzer(base_url, world, frozenset(tags))
    await asyncio.to_thread(fuzzer.run, SHARES[fuzzer.tags])
    # Not everything was refused: the requests have reached what lies behind the checks.
    assert [name for name, statuses in fuzzer.statuses.items() if min(statuses) < 300]
