"""Results with a listening page whose tones are known: copies of the DI track, late, inverted, softer."""

import base64
import shutil
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from tests.support.render_inputs import RATE, plain_gain, plucks
from tests.support.shootouts import carry_out
from tests.support.specs import spec
from tone_shootout.audio.files import read_audio, write_wav
from tone_shootout.rendering.executor.tasks import EncodeListening
from tone_shootout.rendering.listening_page.document import write_document
from tone_shootout.rendering.listening_page.page import make_page
from tone_shootout.rendering.listening_page.sound import encode_listening
from tone_shootout.rendering.listening_page.sound_files import SegmentSound, SoundFile
from tone_shootout.rendering.output.manifest import Manifest

LATE = 20
"""Samples by which the second tone of `render_result` is late."""
HOSTILE = "Inverted </script><img src=x>"
"""Name of its third tone, which is inverted."""
CHAINS = ("Plain", "Late", HOSTILE)


def render_result(folder: Path) -> Manifest:
    """Render two DI tracks of 2 s and 1.5 s through three chains into `folder / "out"`, with a listening page."""
    write_wav(folder / "riff.wav", plucks(2.0), RATE)
    write_wav(folder / "arpeggio.wav", plucks(1.5, seed=3), RATE)
    (folder / "plain.nam").write_bytes(plain_gain(0.5))
    (folder / "late.nam").write_bytes(_delay(LATE))
    (folder / "inverted.nam").write_bytes(plain_gain(-0.8))
    chains = [_chain(name, file) for name, file in zip(CHAINS, ("plain.nam", "late.nam", "inverted.nam"), strict=True)]
    tracks = [{"name": "Riff in E", "file": "riff.wav"}, {"name": "Arpeggio", "file": "arpeggio.wav"}]
    document = spec(*chains, tracks=tracks, title="Three wires <b>")
    return carry_out(folder, document, folder / "out", page=True)


def leave_parts(manifest: Manifest, result: Path, out: Path, *, part_samples: int, budget_bytes: int) -> Path:
    """Write the page of a result once more, with sound in parts and less memory; return the path of its HTML."""
    sounds = {}
    shutil.copytree(result, out)
    for segment in manifest.segments:
        files = tuple(
            SoundFile(
                start=start,
                samples=min(part_samples, segment.samples - start),
                file=f"listen/{segment.position}-{start}.js",
            )
            for start in range(0, segment.samples, part_samples)
        )
        np.save(out / "samples.npy", read_audio(result / segment.file, max_seconds=60).samples[0])
        task = EncodeListening(
            raw=str(out / "samples.npy"),
            gain_db=0.0,
            sound=files,
            paths=tuple(str(out / item.file) for item in files),
            metrics_file=str(out / "peaks"),
        )
        encode_listening(task, cast(Any, None), lambda _: None)  # it takes no sources
        sounds[segment.position] = msgspec.msgpack.decode((out / "peaks").read_bytes(), type=SegmentSound)
    page = msgspec.structs.replace(make_page(manifest, sounds), budget_bytes=budget_bytes)
    write_document(page, out)
    return out / "index.html"


def tones(manifest: Manifest, result: Path) -> dict[int, NDArray[np.float32]]:
    """Return the samples of all segments by position."""
    return {
        segment.position: read_audio(result / segment.file, max_seconds=60).samples[0] for segment in manifest.segments
    }


def samples_of(text: str) -> NDArray[np.float32]:
    """Return samples that a browser sent in base64."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def _chain(name: str, file: str) -> dict[str, Any]:
    return {"name": name, "blocks": [{"type": "capture", "file": file, "gear": "amp_cab"}]}


def _delay(samples: int) -> bytes:
    document = msgspec.json.decode(plain_gain(1.0))
    document["config"]["receptive_field"] = samples + 1
    document["weights"] = [0.0] * samples + [1.0]
    return msgspec.json.encode(document)
