"""`shootout reamp`: one file through one capture."""

from pathlib import Path

import click


@click.command("reamp")
@click.argument("di", metavar="DI.wav", type=click.Path(path_type=Path))
@click.argument("capture", metavar="CAPTURE.nam", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT.wav", type=click.Path(path_type=Path))
@click.option(
    "--ir", metavar="IR.wav", type=click.Path(path_type=Path), help="Impulse response of a cabinet behind it."
)
@click.option("--size", type=click.FloatRange(0.0, 1.0), help="Size of a slimmable capture. [1: full]")
def command(di: Path, capture: Path, out: Path, ir: Path | None, size: float | None) -> None:
    """Send a dry recording through a capture and write a 32-bit float WAV.

    No level is changed, and as many samples come out as went in, at the same rate. Where the recording is at the
    capture's rate its samples go to the engine as they are; otherwise they are resampled there and back.
    """
    from tone_shootout.audio.convolve import cab_ir
    from tone_shootout.audio.files import write_wav
    from tone_shootout.audio.resample import resample
    from tone_shootout.cli._files import told
    from tone_shootout.rendering.chain import reamp
    from tone_shootout.rendering.facts import DEFAULT_LIMITS
    from tone_shootout.rendering.sources import decode_capture, decode_di, decode_ir, read_source

    if out.suffix.lower() != ".wav":
        raise click.ClickException(f"{out}: expected a name that ends in .wav")
    if out.exists() and any(out.samefile(source) for source in (di, capture, ir) if source and source.exists()):
        raise click.ClickException(f"{out}: expected another file than those that are read")
    with told(di):
        samples, rate = decode_di(read_source(di, max_bytes=DEFAULT_LIMITS.max_upload_bytes))
    with told(capture):
        engine = decode_capture(read_source(capture, max_bytes=DEFAULT_LIMITS.max_capture_bytes))
        if size is not None and size < 1.0 and not engine.slimmable:
            raise click.ClickException(f"{capture}: expected no --size below 1, this capture has only one size")
        running = int(engine.sample_rate)
        x = resample(samples, rate, running)
        with click.progressbar(length=len(x), label="Reamping", hidden=not _on_terminal()) as bar:
            y = reamp(engine, x, size=size, tick=lambda done: bar.update(done - bar.pos))
    if ir is not None:
        with told(ir):
            y = cab_ir(y, decode_ir(read_source(ir, max_bytes=DEFAULT_LIMITS.max_upload_bytes), running), running)
    with told(out):
        write_wav(out, resample(y, running, rate)[: len(samples)], rate)
    click.echo(f"{out}: {len(samples)} samples at {rate} Hz through {capture.name}")


def _on_terminal() -> bool:
    import sys

    return sys.stderr.isatty() and sys.stdout.isatty()
