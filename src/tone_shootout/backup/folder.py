"""The folder of a backup: names, atomic writing, bounded reading."""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from tone_shootout.backup.errors import BackupError, DamagedError, WrongKeyError
from tone_shootout.backup.records import FORMAT, VERSION, Header, Manifest
from tone_shootout.backup.sealing import CHUNK_BYTES, Seal, sealed_size

MANIFEST: Final = "manifest.json"
CHECKSUM: Final = "manifest.sha256"
OBJECTS: Final = "objects.jsonl.gz"
MAXIMUM_MANIFEST: Final = 16_000_000
"""Largest manifest and header that are read, bytes."""
_HEADER: Final = "backup.json"
_SNAPSHOT: Final = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
_READ_BYTES: Final = 1 << 18


class BackupFolder:
    """An open backup.

    Args:
        path: the folder.
        seal: encrypts its files; None: they are not encrypted.
    """

    def __init__(self, path: Path, seal: Seal | None) -> None:
        self.path = path
        self.seal = seal

    @classmethod
    def open(cls, path: Path, passphrase: str | None) -> Self:
        """Open a backup.

        Raises:
            BackupError: there is none in the folder, or its form is newer than this version.
            WrongKeyError: the passphrase is wrong, missing or superfluous.
            DamagedError: the header can't be read.
        """
        try:
            with _open(path / _HEADER) as file:
                text = file.read(MAXIMUM_MANIFEST)
        except FileNotFoundError:
            raise BackupError(f"{path} holds no backup") from None
        try:
            form = msgspec.json.decode(text, type=dict[str, object])
            if form.get("format") != FORMAT or form.get("version") != VERSION:
                raise BackupError(f"{path} holds no backup of version {VERSION}: use the version that made it")
            header = msgspec.json.decode(text, type=Header)
        except msgspec.DecodeError as error:
            raise DamagedError(f"{path / _HEADER} is damaged: {error}") from None
        if header.key is None:
            if passphrase is not None:
                raise WrongKeyError("a key was given, and the backup is not encrypted: use another folder, or no key")
            return cls(path, None)
        if passphrase is None:
            raise WrongKeyError("the backup is encrypted: give its key in SHOOTOUT_BACKUP_KEY or by --key-file")
        return cls(path, Seal.open(passphrase, header.key))

    @classmethod
    def create(cls, path: Path, passphrase: str | None) -> Self:
        """Open a backup, or begin one in a folder that is empty or missing.

        Raises:
            BackupError: the folder holds something else; see also `open`.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / _HEADER).exists():
            if any(each.name != "lock" for each in path.iterdir()):
                raise BackupError(f"{path} is not empty and holds no backup: name another folder")
            seal, key = (None, None) if passphrase is None else Seal.create(passphrase)
            header = msgspec.json.format(msgspec.json.encode(Header(format=FORMAT, version=VERSION, key=key)))
            new = path / f".{_HEADER}"
            new.write_bytes(header + b"\n")
            new.rename(path / _HEADER)
            return cls(path, seal)
        return cls.open(path, passphrase)

    @contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the folder for writing, and remove what an interrupted backup has left apart from complete objects.

        Raises:
            BackupError: another process holds it.
        """
        with (self.path / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"another backup is writing to {self.path}") from None
            self.discard_unfinished()
            yield

    # --- Snapshots -----------------------------------------------------------------------------------------------

    def snapshots(self) -> list[str]:
        """Return the names of the snapshots, the oldest first."""
        folder = self.path / "snapshots"
        found = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        return sorted(name for name in found if _SNAPSHOT.fullmatch(name))

    def snapshot(self, name: str | None) -> str:
        """Return the name of a snapshot, the newest by default.

        Raises:
            BackupError: there is no such snapshot.
        """
        found = self.snapshots()
        if not found:
            raise BackupError(f"{self.path} holds no complete snapshot")
        if name is not None and name not in found:
            raise BackupError(f"{self.path} has no snapshot {name!r}: {', '.join(found)}")
        return name or found[-1]

    def begin_snapshot(self) -> str:
        """Create the folder of a new snapshot, in place of an unfinished one; return its name."""
        self.discard_unfinished()
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        self._unfinished(name).mkdir(mode=0o700, parents=True)
        return name

    def finish_snapshot(self, name: str, manifest: Manifest) -> None:
        """Write the manifest of a snapshot, of which everything else is there, and show it under its name."""
        text = msgspec.json.format(msgspec.json.encode(manifest))
        for part, content in ((MANIFEST, text), (CHECKSUM, hashlib.sha256(text).hexdigest().encode())):
            output = self.write_part(name, part)
            output.write(content)
            output.commit()
        os.sync()
        self._unfinished(name).rename(self.path / "snapshots" / name)

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot; its objects stay."""
        shutil.rmtree(self.path / "snapshots" / name)

    def discard_unfinished(self) -> None:
        """Delete the folder of an unfinished snapshot, and unfinished files."""
        for path in (self.path / "snapshots").glob(".new-*"):
            shutil.rmtree(path)
        for path in (self.path / "objects").glob("*/.new-*"):
            path.unlink()

    def write_part(self, snapshot: str, part: str) -> "Output":
        """Open a file of an unfinished snapshot for writing."""
        return Output(self._unfinished(snapshot) / part, f"{snapshot}/{part}", self.seal)

    def read_part(self, snapshot: str, part: str) -> Iterator[bytes]:
        """Yield the content of a snapshot's file.

        Raises:
            DamagedError: it is missing or, if encrypted, was changed.
        """
        folder = self.path / "snapshots" / snapshot
        folder = folder if folder.is_dir() else self._unfinished(snapshot)
        return _read(folder / part, f"{snapshot}/{part}", self.seal)

    def read_manifest(self, snapshot: str) -> Manifest:
        """Return the manifest of a snapshot.

        Raises:
            DamagedError: it does not have the documented form.
        """
        text = bytearray()
        for chunk in self.read_part(snapshot, MANIFEST):
            text += chunk
            if len(text) > MAXIMUM_MANIFEST:
                raise DamagedError(f"{snapshot}/{MANIFEST} has more than {MAXIMUM_MANIFEST} bytes")
        if b"".join(self.read_part(snapshot, CHECKSUM)) != hashlib.sha256(text).hexdigest().encode():
            raise DamagedError(f"{snapshot}/{MANIFEST} is damaged")
        try:
            return msgspec.json.decode(text, type=Manifest)
        except msgspec.DecodeError as error:
            raise DamagedError(f"{snapshot}/{MANIFEST} is damaged: {error}") from None

    # --- Objects -------------------------------------------------------------------------------------------------

    def object_name(self, sha256: str) -> str:
        """Return the name of an object's file: its SHA-256, or what the key makes of it."""
        return sha256 if self.seal is None else self.seal.object_name(sha256)

    def has_object(self, sha256: str, size: int) -> bool:
        """Return whether there is a file of the object with the right size."""
        wanted = size if self.seal is None else sealed_size(size)
        try:
            return self._object(self.object_name(sha256)).stat().st_size == wanted
        except FileNotFoundError:
            return False

    def write_object(self, sha256: str) -> "Output":
        """Open the file of an object for writing."""
        name = self.object_name(sha256)
        return Output(self._object(name), name, self.seal)

    def read_object(self, sha256: str) -> Iterator[bytes]:
        """Yield the content of an object, and check it.

        Raises:
            DamagedError: it is missing or was changed; the last chunk may have been yielded by then.
        """
        name = self.object_name(sha256)
        digest = hashlib.sha256()
        for chunk in _read(self._object(name), f"object {name}", self.seal, name):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise DamagedError(f"object {name} is damaged")

    def object_names(self) -> Iterator[str]:
        """Yield the names of all files of objects."""
        for path in (self.path / "objects").glob("*/*"):
            if not path.name.startswith("."):
                yield path.name

    def delete_object(self, name: str) -> None:
        """Delete the file of an object by its name."""
        self._object(name).unlink()

    def _object(self, name: str) -> Path:
        return self.path / "objects" / name[:2] / name

    def _unfinished(self, name: str) -> Path:
        return self.path / "snapshots" / f".new-{name}"


class Output:
    """A file that gets its name when it is complete.

    Args:
        path: the file.
        name: its name in the backup, to which its encryption is bound.
        seal: encrypts it; None: nothing does.

    Attributes:
        size: bytes written, before encryption.
    """

    def __init__(self, path: Path, name: str, seal: Seal | None) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._new = path.with_name(f".new-{path.name}")
        self._encryptor = None if seal is None else seal.encrypt(name)
        self._digest = hashlib.sha256()
        self._file = self._new.open("wb")
        self.size = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, before encryption."""
        return self._digest.hexdigest()

    def write(self, content: bytes) -> None:
        """Append to the file."""
        self.size += len(content)
        self._digest.update(content)
        self._file.write(content if self._encryptor is None else self._encryptor.update(content))

    def commit(self) -> None:
        """Finish the file and give it its name."""
        if self._encryptor is not None:
            self._file.write(self._encryptor.finish())
        self._file.close()
        self._new.rename(self._path)

    def discard(self) -> None:
        """Delete the file, unless it is finished."""
        self._file.close()
        self._new.unlink(missing_ok=True)


class Compressor:
    """Writes a part of a snapshot compressed by gzip.

    Args:
        output: the file.

    Attributes:
        size: bytes written, before compression.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._zip = zlib.compressobj(6, wbits=31)
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append to the file."""
        self.size += len(content)
        if compressed := self._zip.compress(content):
            self._output.write(compressed)

    def commit(self) -> str:
        """Finish the file; return the SHA-256 of what was written after compression and before encryption."""
        self._output.write(self._zip.flush())
        self._output.commit()
        return self._output.sha256


def decompress(chunks: Iterator[bytes], name: str, *, size: int, sha256: str) -> Iterator[bytes]:
    """Yield the content of a file compressed by gzip, and check it.

    Args:
        chunks: the file.
        name: its name, for errors.
        size: size of its content in bytes; no more is decompressed.
        sha256: SHA-256 of the file, decrypted.

    Raises:
        DamagedError: the file has another SHA-256, or its content another size; some was yielded by then.
    """
    unzip = zlib.decompressobj(wbits=31)
    digest, left = hashlib.sha256(), size
    try:
        for chunk in chunks:
            digest.update(chunk)
            compressed = chunk
            while compressed:
                content = unzip.decompress(compressed, _READ_BYTES)
                left -= len(content)
                if left < 0:
                    raise DamagedError(f"{name} is damaged: it is longer than its manifest says")
                if content:
                    yield content
                compressed = unzip.unconsumed_tail
    except zlib.error:
        raise DamagedError(f"{name} is damaged") from None
    if left or digest.hexdigest() != sha256 or not unzip.eof:
        raise DamagedError(f"{name} is damaged")


def _read(path: Path, label: str, seal: Seal | None, name: str | None = None) -> Iterator[bytes]:
    try:
        file = _open(path)
    except FileNotFoundError:
        raise DamagedError(f"{label} is missing") from None
    with file:
        if seal is not None:
            yield from seal.decrypt(name or label, file)
            return
        while chunk := file.read(4 * CHUNK_BYTES):
            yield chunk


def _open(path: Path) -> BinaryIO:
    """Open an ordinary file: a backup from elsewhere could have a pipe or a link in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedError(f"{path} can't be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DamagedError(f"{path} is not a file")
    return os.fdopen(descriptor, "rb")
