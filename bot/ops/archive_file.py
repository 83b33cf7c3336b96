"""File of a backup: a compressed tar whose first member says what it is, and whose last one proves that it is whole.

manifest.json               version of this form, of the program and of the database's schema; when it was made
mongodb/COLLECTION/N.bson   documents, byte for byte
market.duckdb               the prices
snapshots/HASH.parquet      the bars of studies
strategies/…                a person's own strategies
secrets                     only when asked for, encrypted
contents.json               the SHA-256 of each member, and how many documents each collection has
"""

import hashlib
import io
import json
import re
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from optimizer.errors import UserError
from optimizer.storage.copies.database_copy import Part

#: Version of this form. A newer one is refused.
FORM = 1
_MANIFEST, _CONTENTS = "manifest.json", "contents.json"
_MEMBER = re.compile(
    r"mongodb/[\w.-]+/\d+\.bson|market\.duckdb|snapshots/[0-9a-f]{64}\.parquet|strategies/[\w/-]+\.[\w.]+|secrets"
)
_COMPRESSION = 3
_CHUNK = 1024 * 1024


class BackupExists(UserError):
    """Raised when a file of that name is there. Facts: file."""


class NoBackup(UserError):
    """Raised for a file that is no backup, or not a whole one. Facts: file."""


class BackupTooNew(UserError):
    """Raised for a backup of a newer version. Facts: file, version, known."""


class FileUnusable(UserError):
    """Raised when the system refuses to read or write a file. Facts: file, reason."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    program: str  # version that made it
    schema: int  # of the database
    made_at: str  # ISO
    form: int = FORM
    has_secrets: bool = False


class Archive:
    """Backup that is being written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._digests: dict[str, str] = {}
        self._documents = Counter[str]()

    def add(self, name: str, content: bytes) -> None:
        """Add a member."""
        self._add(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, file: Path) -> None:
        """Add a file as it is now."""
        with file.open("rb") as opened:
            self._add(name, opened, file.stat().st_size)

    def add_part(self, part: Part) -> int:
        """Add documents; returns how many of their collection there are by now."""
        n_before = sum(name.startswith(f"mongodb/{part.collection}/") for name in self._digests)
        self.add(f"mongodb/{part.collection}/{n_before:06}.bson", part.documents)
        self._documents[part.collection] += part.n
        return self._documents[part.collection]

    def close(self) -> Mapping[str, int]:
        """Add the last member; returns the number of documents of each collection."""
        contents = {"digests": self._digests, "documents": self._documents}
        self.add(_CONTENTS, json.dumps(contents).encode())
        return self._documents

    def _add(self, name: str, opened: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        reader = _Hashing(opened)
        self._tar.addfile(member, reader)
        self._digests[name] = reader.digest.hexdigest()


class _Hashing:
    """Reader that computes the digest of what it reads."""

    def __init__(self, opened: IO[bytes]) -> None:
        self._opened = opened
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._opened.read(size)
        self.digest.update(content)
        return content


@contextmanager
def new_archive(file: Path, manifest: Manifest) -> Iterator[Archive]:
    """Write a backup in the block; it has its name only when it is whole. Raises BackupExists and FileUnusable."""
    if file.exists():
        raise BackupExists(file=file)
    draft = file.with_name(f".{file.name}.partial")
    try:
        draft.unlink(missing_ok=True)  # of a command that was killed
        draft.touch(mode=0o600)
        with tarfile.open(draft, "w:gz", compresslevel=_COMPRESSION) as tar:
            archive = Archive(tar)
            archive.add(_MANIFEST, json.dumps(vars(manifest)).encode())
            yield archive
        draft.replace(file)
    except OSError as failure:
        raise FileUnusable(file=file, reason=failure.strerror or str(failure)) from failure
    finally:
        draft.unlink(missing_ok=True)


def read_members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the members of a backup with their content, but for its first and last one."""
    with _opened(file) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if member.name not in (_MANIFEST, _CONTENTS) and content is not None:
                yield member.name, content


def check_whole(file: Path) -> tuple[Manifest, Mapping[str, int]]:
    """Read a backup to its end; returns its manifest and the number of documents of each collection.

    Raises NoBackup for what is no backup, is cut off or was changed, BackupTooNew and FileUnusable.
    """
    with _opened(file) as tar:
        manifest = _manifest(file, tar)
        found, contents = dict[str, str](), dict[str, Any]()
        for member in tar:
            if member.name == _MANIFEST:
                continue
            content = tar.extractfile(member)
            if content is None or not (member.name == _CONTENTS or _is_known(member.name)):
                raise NoBackup(file=file)
            if member.name == _CONTENTS:
                contents = json.load(content)
            else:
                found[member.name] = _digest(content)
    expected = {name: digest for name, digest in contents.get("digests", {}).items() if name != _MANIFEST}
    if not contents or found != expected:
        raise NoBackup(file=file)
    return manifest, contents["documents"]


def _manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.name == _MANIFEST else None
    if content is None:
        raise NoBackup(file=file)
    said = json.load(content)
    if said["form"] > FORM:
        raise BackupTooNew(file=file, version=said["program"], known=FORM)
    return Manifest(**said)


def _is_known(name: str) -> bool:
    """Return whether a member may be in a backup: none names a place outside, or a collection of MongoDB's own."""
    parts = name.split("/")
    leads_out = any(part in ("", "..") for part in parts)
    return _MEMBER.fullmatch(name) is not None and not leads_out and not name.startswith("mongodb/system.")


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r|gz") as tar:
            yield tar
    except (tarfile.TarError, zlib.error, EOFError, ValueError, KeyError, TypeError) as failure:
        raise NoBackup(file=file) from failure
    except OSError as failure:
        if isinstance(failure, FileNotFoundError | PermissionError | IsADirectoryError):
            raise FileUnusable(file=file, reason=failure.strerror or str(failure)) from failure
        raise NoBackup(file=file) from failure
