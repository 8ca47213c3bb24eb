"""The file of an artifact while it is downloaded."""

import hashlib
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

import httpx

from tone_shootout.client._calls import reply_of
from tone_shootout.client.errors import InvalidResponseError, LocalFileError
from tone_shootout.client.models import Artifact


def target_of(artifact: Artifact, out: Path) -> Path:
    """Return where an artifact is saved.

    Raises:
        InvalidResponseError: its path leads out of the folder.
    """
    path = PurePosixPath(artifact.path)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in artifact.path or "\0" in artifact.path:
        raise InvalidResponseError(f"{artifact.path!r} is not a path within the results")
    return out.joinpath(*path.parts)


def is_complete(artifact: Artifact, target: Path) -> bool:
    """Return whether a file has the content of an artifact."""
    try:
        if target.stat().st_size != artifact.size_bytes:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
    except OSError:
        return False


class Download:
    """A file that grows with each attempt, beside its final place; an attempt continues where the last one ended."""

    def __init__(self, artifact: Artifact, target: Path) -> None:
        self._artifact = artifact
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._digest = hashlib.sha256()
        self._received = 0

    def __enter__(self) -> Self:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
        except OSError as error:
            raise LocalFileError(f"{self._part}: {error.strerror or error}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that request the missing rest."""
        if not self._received:
            return {}
        return {"Range": f"bytes={self._received}-", "If-Range": f'"{self._artifact.sha256}"'}

    def begin(self, response: httpx.Response, attempts: int) -> None:
        """Start with the body of a response, of which an error has been read.

        Raises:
            ApiError: the response is an error.
        """
        if response.status_code not in (200, 206):
            raise reply_of(response, attempts).error()
        if response.status_code == 200 and self._received:
            self._digest, self._received = hashlib.sha256(), 0
            self._file.seek(0)
            self._file.truncate()

    def write(self, chunk: bytes) -> None:
        """Append a part of the body.

        Raises:
            LocalFileError: it can't be written.
        """
        try:
            self._file.write(chunk)
        except OSError as error:
            raise LocalFileError(f"{self._part}: {error.strerror or error}") from None
        self._digest.update(chunk)
        self._received += len(chunk)

    def finish(self) -> Path:
        """Check the content and move it to its place.

        Raises:
            InvalidResponseError: the content differs from the SHA-256 of the artifact.
            LocalFileError: the file can't be written.
        """
        if self._digest.hexdigest() != self._artifact.sha256:
            raise InvalidResponseError(f"the content of {self._artifact.path} differs from its SHA-256")
        try:
            self._file.close()
            self._part.replace(self._target)
        except OSError as error:
            raise LocalFileError(f"{self._target}: {error.strerror or error}") from None
        return self._target
