"""Oracles: files from the encoders of FFmpeg, and levels from its ebur128 filter."""

import io

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray


def encoded(samples: NDArray[np.float32], rate: int, *, container: str, codec: str, sample_format: str) -> bytes:
    """Encode mono samples, shape (T,), with an encoder of FFmpeg."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        stream.format = sample_format
        frame_size = stream.codec_context.frame_size or 1024
        frames = av.AudioResampler(sample_format, "mono", rate, frame_size=frame_size)
        for frame in [*frames.resample(_frame(samples[np.newaxis], rate)), *frames.resample(None)]:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def ebur128(samples: NDArray[np.float32], rate: int) -> dict[str, float]:
    """Measure (channels, T) samples: integrated `I` (LUFS), `LRA` (LU), true peak `TP` (dBTP)."""
    layout = "mono" if len(samples) == 1 else "stereo"
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout)
    meter = graph.add("ebur128", "peak=true:metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    source.push(_frame(samples, rate))
    source.push(None)
    read: dict[str, str] = {}
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            break
        assert isinstance(frame, av.AudioFrame)
        # The last frame, shorter than the 100 ms of the meter, has no reading.
        read = frame.metadata or read
    return {
        "I": float(read["lavfi.r128.I"]),
        "LRA": float(read["lavfi.r128.LRA"]),
        "TP": 20 * float(np.log10(float(read["lavfi.r128.true_peak"]))),
    }


def _frame(samples: NDArray[np.float32], rate: int) -> av.AudioFrame:
    layout = "mono" if len(samples) == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
    frame.sample_rate = rate
    frame.pts = 0
    return frame
