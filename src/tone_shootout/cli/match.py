"""`shootout match`: the equalizer that brings one tone to another."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tone_shootout.audio.signals import Float32
    from tone_shootout.rendering.matching import RenderedMatch


@click.command("match")
@click.argument("target", metavar="TARGET", type=click.Path(path_type=Path))
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@click.option("--ir", metavar="OUT.wav", type=click.Path(path_type=Path), help="Write the impulse response there.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(target: Path, source: Path, ir: Path | None, as_json: bool) -> None:
    """Find the equalizer that brings the third octaves of SOURCE to those of TARGET.

    Writes a curve, an `eq` block of a spec with at most 16 peak filters, and with --ir a minimum-phase impulse response
    (mono WAV, 48 kHz, 32-bit float) for a `cab_ir` block or another program. Both are applied to SOURCE and measured:
    what is left of the difference is stated. The equalizer leaves the level out, which is stated beside it.

    Both files should have the same performance, such as two segments of one DI track.
    """
    from tone_shootout.audio.files import write_wav
    from tone_shootout.cli._files import handle_file_errors
    from tone_shootout.rendering.matching import RATE, match_sounds

    if ir is not None:
        if ir.suffix.lower() != ".wav":
            raise click.ClickException(f"{ir}: expected a name that ends in .wav")
        if ir.exists() and any(ir.samefile(each) for each in (target, source) if each.exists()):
            raise click.ClickException(f"{ir}: expected a file that is not one of the inputs")
    sounds = _read(target), _read(source)
    with handle_file_errors(source):
        found = match_sounds(*sounds)
    if ir is not None:
        with handle_file_errors(ir):
            write_wav(ir, found.ir, RATE)
    click.echo(_json(target, source, ir, found) if as_json else _text(target, source, ir, found))


def _read(path: Path) -> "Float32":
    """Read a file as samples at 48 kHz, shape (channels, T)."""
    import numpy as np

    from tone_shootout.audio.files import read_audio
    from tone_shootout.audio.matching import check_audible
    from tone_shootout.audio.resample import resample
    from tone_shootout.cli._files import handle_file_errors, print_notices
    from tone_shootout.rendering.engine.sources import LONGEST_SECONDS
    from tone_shootout.rendering.matching import RATE

    with handle_file_errors(path):
        audio = read_audio(path, max_seconds=LONGEST_SECONDS)
        print_notices(path, audio.notices)
        check_audible(audio.samples, audio.rate)
        return np.stack([resample(side, audio.rate, RATE) for side in audio.samples])


def _json(target: Path, source: Path, ir: Path | None, found: "RenderedMatch") -> str:
    import msgspec

    from tone_shootout.rendering.matching import curve_points, difference, eq_block

    match = found.match
    document = {
        "target": str(target),
        "source": str(source),
        "gain_db": round(match.gain_db, 2),
        "curve": curve_points(match),
        "eq": eq_block(match),
        "ir": None if ir is None else str(ir),
        "before": difference(match.before_db, match.matched),
        "after_eq": found.after_eq,
        "after_ir": found.after_ir,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _text(target: Path, source: Path, ir: Path | None, found: "RenderedMatch") -> str:
    from tone_shootout.rendering.matching import curve_points, difference, eq_block, eq_block_toml

    match = found.match
    before = difference(match.before_db, match.matched)
    rows = (("before", before), ("after the eq block", found.after_eq), ("after the IR", found.after_ir))
    lines = [
        f"{source} to {target}: {sum(match.matched)} third octaves in which both have sound",
        "",
        *(f"{name:<20}{each.rms_db:6.2f} dB RMS {each.max_db:6.2f} dB at most" for name, each in rows),
        "",
        "     Hz      dB",
        *(
            f"{point.frequency_hz:7.0f} {point.gain_db:+7.2f}{'' if point.matched else '  not matched'}"
            for point in curve_points(match)
        ),
        "",
        f"Gain to add for the level of the target: {match.gain_db:+.2f} dB",
        "For the `blocks` of a chain:",
        "",
        eq_block_toml(eq_block(match)),
    ]
    return "\n".join([*lines, *([] if ir is None else ["", f"Impulse response: {ir}"])])
