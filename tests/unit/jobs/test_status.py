"""One table of transitions, one function that performs them."""

import ast
from pathlib import Path

import tone_shootout
from tone_shootout.jobs.status import FINISHED, TRANSITIONS, JobStatus, sources

SOURCE = Path(tone_shootout.__file__).parent
PERFORMS = SOURCE / "jobs" / "repositories" / "jobs.py"


def test_every_status_has_a_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(JobStatus)


def test_nothing_follows_the_end_but_another_beginning() -> None:
    assert {following for status in FINISHED for following in TRANSITIONS[status]} == {JobStatus.PENDING}
    assert not TRANSITIONS[JobStatus.COMPLETED]


def test_every_status_but_the_first_can_be_reached() -> None:
    reached = {JobStatus.PENDING}
    while more := {following for status in reached for following in TRANSITIONS[status]} - reached:
        reached |= more
    assert reached == set(JobStatus)


def test_every_status_leads_to_an_end() -> None:
    ending = set(FINISHED)
    while more := {status for status, following in TRANSITIONS.items() if following & ending} - ending:
        ending |= more
    assert ending == set(JobStatus)


def test_sources_is_the_table_read_backwards() -> None:
    for status in JobStatus:
        assert sources(status) == {source for source in JobStatus if status in TRANSITIONS[source]}


def test_a_held_job_becomes_cancelled_only_by_way_of_cancelling() -> None:
    assert JobStatus.CANCELLED not in TRANSITIONS[JobStatus.RUNNING]


def _assigns_status(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets)
        case ast.AnnAssign(target=ast.Attribute(attr="status")) | ast.AugAssign(target=ast.Attribute(attr="status")):
            return True
        case ast.Call(func=ast.Attribute(attr="values"), keywords=keywords):
            return any(keyword.arg == "status" for keyword in keywords)
        case ast.Call(func=ast.Name(id="Job"), keywords=keywords):
            return any(keyword.arg == "status" for keyword in keywords)
    return False


def test_no_other_code_assigns_the_status_of_a_job() -> None:
    jobs = sorted((SOURCE / "jobs").rglob("*.py"))
    jobs.remove(SOURCE / "jobs" / "webhooks" / "services.py")  # it assigns the status of deliveries
    found = [path for path in jobs if any(map(_assigns_status, ast.walk(ast.parse(path.read_text()))))]
    assert found == [PERFORMS]
    functions = {
        function.name
        for function in ast.walk(ast.parse(PERFORMS.read_text()))
        if isinstance(function, ast.AsyncFunctionDef) and any(_assigns_status(node) for node in ast.walk(function))
    }
    assert functions == {"add_pending", "transition"}
