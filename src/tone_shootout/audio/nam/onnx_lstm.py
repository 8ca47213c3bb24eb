"""One LSTM layer as a compiled kernel: the LSTM operator of ONNX, run by ONNX Runtime.

A recurrence can't be vectorized over time: NumPy, with calls per sample, would be fifty times slower. The graph is a
single node; its protobuf messages are encoded here (field numbers from onnx.proto, IR version 9, operator set 14) to
avoid a dependency on the `onnx` package of 30 MB.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

FLOAT = 1
INT_ATTRIBUTE = 2


class LSTMKernel:
    """A compiled, stateless LSTM layer for blocks of any length."""

    def __init__(self, W: NDArray[np.float32], b: NDArray[np.float32]) -> None:
        """Compile the layer.

        Args:
            W: shape (4H, inputs + H), rows in the gate order i, f, g, o.
            b: shape (4H,).
        """
        import onnxruntime  # lazy: takes 50 ms, and other architectures do not use it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _model(W, b), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def compute(
        self, u: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Run the layer over a block.

        Args:
            u: inputs, shape (time, inputs).
            h: hidden state before the block, shape (H,).
            c: cell state before the block, shape (H,).

        Returns:
            Hidden state after each sample, shape (time, H), then hidden and cell state after the block, shape (H,).
        """
        states = {"h": h.reshape(1, 1, -1), "c": c.reshape(1, 1, -1)}
        found = cast("list[NDArray[np.float32]]", self._session.run(None, {"u": u[:, np.newaxis], **states}))
        every_h, last_h, last_c = found
        return every_h.reshape(len(u), -1), last_h.reshape(-1), last_c.reshape(-1)


def _model(W: NDArray[np.float32], b: NDArray[np.float32]) -> bytes:
    """Return a ModelProto with one LSTM node: (u, h, c) → (every h, last h, last c)."""
    hidden = len(b) // 4
    inputs = W.shape[1] - hidden
    # ONNX orders the gates i, o, f, g; it has a first axis for directions and a second bias for the recurrence.
    order = [0, 3, 1, 2]
    W = W.reshape(4, hidden, -1)[order].reshape(1, 4 * hidden, -1)
    b = b.reshape(4, hidden)[order].reshape(1, -1)
    tensors = {
        "W": W[:, :, :inputs],
        "R": W[:, :, inputs:],
        "B": np.concatenate([b, np.zeros_like(b)], axis=1),
    }
    names_in = ["u", "W", "R", "B", "", "h", "c"]
    attribute = _text(1, "hidden_size") + _number(3, hidden) + _number(20, INT_ATTRIBUTE)
    node = b"".join(_text(1, name) for name in names_in)
    node += b"".join(_text(2, name) for name in ("every_h", "last_h", "last_c"))
    node += _text(4, "LSTM") + _message(5, attribute)
    graph = _message(1, node) + _text(2, "lstm")
    graph += b"".join(_message(5, _tensor(name, tensor)) for name, tensor in tensors.items())
    graph += _message(11, _value("u", ["time", 1, inputs]))
    graph += b"".join(_message(11, _value(name, [1, 1, hidden])) for name in ("h", "c"))
    graph += _message(12, _value("every_h", ["time", 1, 1, hidden]))
    graph += b"".join(_message(12, _value(name, [1, 1, hidden])) for name in ("last_h", "last_c"))
    operators = _text(1, "") + _number(2, 14)
    return _number(1, 9) + _message(7, graph) + _message(8, operators)


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    """Return a TensorProto: dims, data type, name, raw little-endian data."""
    dims = b"".join(_number(1, dim) for dim in values.shape)
    return dims + _number(2, FLOAT) + _text(8, name) + _message(9, values.astype("<f4").tobytes())


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    """Return a ValueInfoProto: a float tensor whose dimensions are numbers or names."""
    dims = b"".join(_message(1, _number(1, dim) if isinstance(dim, int) else _text(2, dim)) for dim in shape)
    return _text(1, name) + _message(2, _message(1, _number(1, FLOAT) + _message(2, dims)))


def _varint(value: int) -> bytes:
    """Encode a protobuf varint: seven bits per byte, lowest first; the top bit marks that more bytes follow."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())
