"""`shootout check`: errors, notices and the plan of a spec, without rendering it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tone_shootout.cli.render import check_spec, finding, notice_line

if TYPE_CHECKING:
    from tone_shootout.rendering.notices import Notice
    from tone_shootout.rendering.plan.planner import Plan
    from tone_shootout.rendering.spec.schema import SpecError


@click.command("check")
@click.argument("spec", metavar="SPEC", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON: an object with errors, notices and plan.")
def command(spec: Path, as_json: bool) -> None:
    """Show all errors and notices of SPEC, and what rendering it would take. Renders nothing and needs no server.

    Exit code 0: it can be rendered; 1: it has errors.
    """
    from tone_shootout.rendering.spec.schema import SpecError

    errors: list[SpecError]
    notices: tuple[Notice, ...] = ()
    plan: Plan | None = None
    try:
        errors, notices, plan, _ = check_spec(spec)
    except SpecError as error:
        errors = list(error.errors)
    if as_json:
        click.echo(json.dumps(_document(errors, notices, plan)))
    else:
        _print(errors, notices, plan)
    sys.exit(1 if errors else 0)


def _document(errors: "list[SpecError]", notices: "tuple[Notice, ...]", plan: "Plan | None") -> dict[str, object]:
    segments = [] if plan is None else plan.segments
    return {
        "valid": not errors,
        "errors": [finding(error) for error in errors],
        "notices": [finding(notice) for notice in notices],
        "plan": None
        if plan is None
        else {
            "segments": [
                {
                    "position": segment.position,
                    "di_track": segment.di_name,
                    "chain": segment.chain_name,
                    "duration_s": round(segment.seconds, 3),
                    "estimated_s": round(segment.cost, 3),
                    "calibration": segment.calibration,
                }
                for segment in segments
            ],
            "duration_s": round(plan.seconds, 3),
            "estimated_s": round(plan.cost, 3),
        },
    }


def _print(errors: "list[SpecError]", notices: "tuple[Notice, ...]", plan: "Plan | None") -> None:
    for error in errors:
        click.echo(f"Error: {error.detail} ({error.code})", err=True)
    for notice in notices:
        click.echo(notice_line(notice))
    if plan is None:
        return
    for segment in plan.segments:
        click.echo(
            f"{segment.position:2d}  {segment.seconds:6.1f} s  about {segment.cost:5.1f} s  "
            f"{segment.di_name} – {segment.chain_name}"
        )
    click.echo(
        f"{len(plan.segments)} segments, {plan.seconds:.1f} s of audio, about {plan.cost:.1f} s to render on one core, "
        "without plots and video."
    )
