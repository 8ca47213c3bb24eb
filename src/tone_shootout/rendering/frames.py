"""What a parent and its rendering children say to each other: messages in MessagePack, each behind its length."""

import struct
from collections.abc import Iterator
from typing import IO

import msgspec
from msgspec import Struct

from tone_shootout.rendering.work import Result, Task

_LENGTH = struct.Struct(">I")


class Progress(Struct, tag=True, frozen=True):
    """How much of the task in hand is done, 0 to 1."""

    share: float


class Done(Struct, tag=True, frozen=True):
    """The task is done."""

    result: Result


class Failed(Struct, tag=True, frozen=True):
    """The task can't be done, for a reason that a person can act on."""

    code: str
    detail: str


Message = Progress | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_task_decoder: msgspec.msgpack.Decoder[Task] = msgspec.msgpack.Decoder(Task)
_message_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def frame(message: Task | Message) -> bytes:
    """Encode a message behind its length."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def write(file: IO[bytes], data: bytes) -> None:
    """Write all of `data` to an unbuffered file, which may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def read_task(file: IO[bytes]) -> Task | None:
    """Wait for the next task; None when the parent is gone."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = file.read(*_LENGTH.unpack(head))
    return _task_decoder.decode(body)


def messages(buffer: bytearray) -> Iterator[Message]:
    """Take the whole messages out of what has been received so far, and leave the rest."""
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            return
        body = bytes(buffer[_LENGTH.size : end])
        del buffer[:end]
        yield _message_decoder.decode(body)
