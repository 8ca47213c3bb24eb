"""What a backup's files hold, apart from tables and objects."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from tone_shootout.backup.sealing import KeyRecord

FORMAT: Final = "tone-shootout backup"
VERSION: Final = 1
OBJECT_KEY: Final = re.compile(
    r"users/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/(blobs/[0-9a-f]{64}|jobs/[0-9a-f-]{36}/[^\x00-\x1f]{1,500})"
)
"""Keys that a backup may write to a storage."""

_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,62}$")]
_Size = Annotated[int, Meta(ge=0)]


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`backup.json`: the form of the folder, the only file that is never encrypted.

    Attributes:
        format: `tone-shootout backup`.
        version: 1.
        key: how the key is derived; None: the backup is not encrypted.
    """

    format: str
    version: int
    key: KeyRecord | None = None


class TableRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table: a file in the text format of PostgreSQL's COPY, compressed by gzip.

    Attributes:
        name: name of the table.
        columns: its columns, in the order of the file.
        rows: number of rows.
        size_bytes: size of the text.
        sha256: SHA-256 of the file, before encryption.
    """

    name: _Name
    columns: Annotated[list[_Name], Meta(min_length=1, max_length=200)]
    rows: _Size
    size_bytes: _Size
    sha256: _Sha256


class ObjectList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The list of objects: a file with a line of JSON (`ObjectRecord`) for each, sorted by key, compressed by gzip.

    Attributes:
        count: number of objects.
        content_bytes: size of the objects together.
        size_bytes: size of the list.
        sha256: SHA-256 of the file, before encryption.
    """

    count: _Size
    content_bytes: _Size
    size_bytes: _Size
    sha256: _Sha256


class ObjectRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An object: its key in the storage, its size in bytes, and the SHA-256 of its content, under which it is kept."""

    key: Annotated[str, Meta(max_length=600)]
    size_bytes: _Size
    sha256: _Sha256


class Lost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object that a row names and that the storage did not have as it was written, at the time of the backup.

    Attributes:
        key: key in the storage.
        reason: `missing` or `damaged`.
    """

    key: str
    reason: str


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.json` of a snapshot.

    Attributes:
        created_at: when the snapshot was taken, RFC 3339 in UTC.
        app_version: version of Tone Shootout.
        revision: revision of the schema.
        tables: the tables, in an order in which they can be loaded.
        objects: the list of objects.
        lost: objects that the storage had lost.
    """

    created_at: str
    app_version: str
    revision: Annotated[str, Meta(pattern="^[0-9a-z_]{1,40}$")]
    tables: Annotated[list[TableRecord], Meta(max_length=1000)]
    objects: ObjectList
    lost: list[Lost] = []
