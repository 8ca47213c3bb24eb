"""`shootout reamp`: render one file through one capture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tone_shootout.audio.constants import Channel
    from tone_shootout.audio.signals import Float32


@click.command("reamp")
@click.argument("di", metavar="DI.wav", type=click.Path(path_type=Path))
@click.argument("capture", metavar="CAPTURE.nam", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT.wav", type=click.Path(path_type=Path))
@click.option("--ir", metavar="IR.wav", type=click.Path(path_type=Path), help="Cab IR to apply after the capture.")
@click.option(
    "--ir-channel",
    type=click.Choice(["left", "right", "mean"]),
    help="Channel of a stereo impulse response whose channels differ.",
)
@click.option(
    "--channel",
    type=click.Choice(["left", "right", "mean"]),
    help="Channel of a stereo recording. [the channel with signal, or the mean of both]",
)
@click.option("--size", type=click.FloatRange(0.0, 1.0), help="Size of a slimmable capture. [1: full]")
def command(
    di: Path,
    capture: Path,
    out: Path,
    ir: Path | None,
    ir_channel: "Channel | None",
    channel: "Channel | None",
    size: float | None,
) -> None:
    """Render a dry recording through a capture to a 32-bit float WAV file.

    Levels stay unchanged. The output has the length and the sample rate of the input. If the capture has another sample
    rate, the recording is resampled to it and back.
    """
    from tone_shootout.audio.convolve import cab_ir
    from tone_shootout.audio.diagnostics import di_notices
    from tone_shootout.audio.files import mono, write_wav
    from tone_shootout.audio.resample import resample
    from tone_shootout.cli._files import handle_file_errors, print_notices
    from tone_shootout.rendering.engine.chain import reamp
    from tone_shootout.rendering.engine.sources import decode_audio, decode_capture, read_source
    from tone_shootout.rendering.media_info import DEFAULT_LIMITS

    if out.suffix.lower() != ".wav":
        raise click.ClickException(f"{out}: expected a name that ends in .wav")
    if out.exists() and any(out.samefile(source) for source in (di, capture, ir) if source and source.exists()):
        raise click.ClickException(f"{out}: expected a file that is not one of the inputs")
    with handle_file_errors(di):
        recording = decode_audio(read_source(di, max_bytes=DEFAULT_LIMITS.max_upload_bytes))
        samples, rate = mono(recording, channel), recording.rate
        found = (*recording.notices, *di_notices(recording))
        one_sided = channel in ("left", "right")
        print_notices(di, (notice for notice in found if not (one_sided and notice.code == "sides_cancel")))
    with handle_file_errors(capture):
        engine = decode_capture(read_source(capture, max_bytes=DEFAULT_LIMITS.max_capture_bytes))
    if size is not None and size < 1.0 and not engine.slimmable:
        raise click.ClickException(f"{capture}: expected no --size below 1: this capture has only one size")
    running = int(engine.sample_rate)
    response = None if ir is None else _response(ir, running, ir_channel)
    with handle_file_errors(capture):
        x = resample(samples, rate, running)
        with click.progressbar(length=len(x), label="Reamping", hidden=not _on_terminal()) as bar:
            y = reamp(engine, x, size=size, report_samples=lambda done: bar.update(done - bar.pos))
    if response is not None:
        y = cab_ir(y, response, running)
    with handle_file_errors(out):
        write_wav(out, resample(y, running, rate)[: len(samples)], rate)
    click.echo(f"{out}: {len(samples)} samples at {rate} Hz through {capture.name}")


def _response(ir: Path, rate: int, channel: "Channel | None") -> "Float32":
    """Read an impulse response within the limits of a shootout."""
    from tone_shootout.audio.diagnostics import ir_notices
    from tone_shootout.cli._files import handle_file_errors, print_notices
    from tone_shootout.rendering.engine.sources import SourceError, decode_audio, prepare, read_source
    from tone_shootout.rendering.media_info import DEFAULT_LIMITS

    with handle_file_errors(ir):
        data = read_source(ir, max_bytes=DEFAULT_LIMITS.max_upload_bytes)
        audio = decode_audio(data, max_seconds=DEFAULT_LIMITS.max_ir_seconds)
        print_notices(ir, (*audio.notices, *ir_notices(audio)))
        try:
            return prepare(audio, rate, channel)
        except SourceError as error:
            if error.code != "stereo_ir":
                raise
            detail = "the channels of this impulse response differ: choose --ir-channel left, right or mean"
            raise SourceError(error.code, detail) from None


def _on_terminal() -> bool:
    import sys

    return sys.stderr.isatty() and sys.stdout.isatty()
