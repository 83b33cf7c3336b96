"""Backup of everything that cannot be had again, also while the bot runs; and its way back.

Left out is what ends with the bot (its lease, sessions of the pages), and what is made again: charts, reports, caches.
"""

import base64
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

from bot.documents.installed import OAuthState
from bot.documents.lease_record import Lease
from bot.documents.migrations import SCHEMA, SchemaVersion
from bot.documents.sessions import ApiRequest, UsedLink, WebSession
from bot.ops.archive_file import Archive, BackupTooNew, FileUnusable, Manifest, check_whole, new_archive, read_members
from bot.ops.sealed_secrets import seal, unseal
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.errors import UserError
from optimizer.market.warehouse.file_copy import copy_warehouse
from optimizer.storage.copies.database_copy import (
    RawDatabase,
    collections_of,
    drop_all,
    raw_database,
    read_parts,
    write_part,
)

#: Collections of what ends with the bot.
PASSING = tuple(kind.Settings.name for kind in (Lease, WebSession, UsedLink, ApiRequest, OAuthState))
_PRICES, _SNAPSHOTS, _STRATEGIES, _SECRETS = "market.duckdb", "snapshots", "strategies", "secrets"
_PAGES_SECRET = "pages.secret"  # noqa: S105 - a file's name
#: File in the data directory with the secret settings of a restored backup.
RESTORED_SECRETS = "restored-secrets.env"

#: Told of each step: the part, and how much of it there is by now.
Tell = Callable[[str, int], None]


class NoPassphrase(UserError):
    """Raised when secrets are to be written or read and no passphrase is set."""


class NoSecrets(UserError):
    """Raised when a backup without secrets is to give them back. Facts: file."""


class HomeNotEmpty(UserError):
    """Raised when something is in the place of what would be restored. Facts: home."""


class NothingToBackUp(UserError):
    """Raised when there is neither a document nor a price: the place is hardly the bot's. Facts: home."""


@dataclass(frozen=True, kw_only=True)
class BackedUp:
    """What a backup contains."""

    documents: Mapping[str, int]  # by collection
    n_snapshots: int
    n_bytes: int  # of the file

    @property
    def n_documents(self) -> int:
        """Documents of all collections."""
        return sum(self.documents.values())


def passphrase_of(settings: Settings) -> str:
    """Return the passphrase of the settings. Raises NoPassphrase."""
    if settings.backup_passphrase is None:
        raise NoPassphrase
    return settings.backup_passphrase.get_secret_value()


def back_up(uri: str, settings: Settings, file: Path, *, passphrase: str | None, tell: Tell) -> BackedUp:
    """Write everything into a file; with a passphrase also the secrets. Raises NothingToBackUp."""
    with raw_database(uri) as database:
        manifest = Manifest(
            program=metadata.version("optimize-bot"),
            schema=_schema_of(database),
            made_at=utc_now().isoformat(),
            has_secrets=passphrase is not None,
        )
        with new_archive(file, manifest) as archive:
            if not _has_anything(database, settings):
                raise NothingToBackUp(home=settings.home)
            for part in read_parts(database, without=PASSING):
                tell(part.collection, archive.add_part(part))
            # After the studies: the bars of each were stored before it was.
            n_snapshots = _add_files(archive, settings.snapshots, _SNAPSHOTS, "*.parquet", tell)
            _add_files(archive, settings.strategies, _STRATEGIES, "**/*.py", tell)
            _add_prices(archive, settings.warehouse, file.parent, tell)
            if passphrase is not None:
                archive.add(_SECRETS, seal(_secrets_of(settings), passphrase))
            documents = dict(archive.close())
    return BackedUp(documents=documents, n_snapshots=n_snapshots, n_bytes=file.stat().st_size)


def _schema_of(database: RawDatabase) -> int:
    stored = database[SchemaVersion.Settings.name].find_one()
    return int(stored["version"]) if stored else 0


def _add_files(archive: Archive, folder: Path, name: str, pattern: str, tell: Tell) -> int:
    n = 0
    for file in sorted(folder.glob(pattern)):
        if file.is_file() and not file.name.startswith("."):
            archive.add_file(f"{name}/{file.relative_to(folder).as_posix()}", file)
            n += 1
            tell(name, n)
    return n


def _add_prices(archive: Archive, prices: Path, beside: Path, tell: Tell) -> None:
    if prices.exists():
        with tempfile.TemporaryDirectory(dir=beside, prefix=".prices-") as folder:
            copied = Path(folder) / prices.name
            copy_warehouse(prices, copied)
            archive.add_file(_PRICES, copied)
        tell(_PRICES, 1)


def _secrets_of(settings: Settings) -> dict[str, str]:
    found = dict(settings.secrets)
    found.pop("OPTIMIZE_BOT_BACKUP_PASSPHRASE", None)
    if (file := settings.home / _PAGES_SECRET).exists():
        found[_PAGES_SECRET] = base64.b64encode(file.read_bytes()).decode()
    return found


def require_restorable(file: Path, *, passphrase: str | None) -> Manifest:
    """Read a backup to its end; nothing is written. Raises NoBackup, BackupTooNew, NoSecrets or WrongPassphrase."""
    manifest, _ = check_whole(file)
    if manifest.schema > SCHEMA:
        raise BackupTooNew(file=file, version=manifest.program, known=SCHEMA)
    if passphrase is not None:
        sealed = [content.read() for name, content in read_members(file) if name == _SECRETS]
        if not sealed:
            raise NoSecrets(file=file)
        unseal(sealed[0], passphrase)
    return manifest


def restore(
    uri: str, settings: Settings, file: Path, *, passphrase: str | None, replaces: bool, tell: Tell
) -> Mapping[str, int]:
    """Store a backup that was read to its end before; returns how many members of each part. Raises HomeNotEmpty."""
    with raw_database(uri) as database:
        _require_empty(database, settings, replaces=replaces)
        counts: dict[str, int] = {}
        try:
            for name, content in read_members(file):
                part, n = _store(name, content, database, settings, passphrase)
                counts[part] = counts.get(part, 0) + n
                tell(part, counts[part])
        except OSError as failure:
            raise FileUnusable(file=settings.home, reason=failure.strerror or str(failure)) from failure
        return counts


def _require_empty(database: RawDatabase, settings: Settings, *, replaces: bool) -> None:
    if not replaces and _has_anything(database, settings):
        raise HomeNotEmpty(home=settings.home)
    drop_all(database)
    for old in _files_of(settings):
        old.unlink()


def _has_anything(database: RawDatabase, settings: Settings) -> bool:
    """Return whether there are documents that outlive the bot, prices, or bars of studies."""
    return bool(_files_of(settings) or set(collections_of(database)) - set(PASSING))


def _files_of(settings: Settings) -> list[Path]:
    """Files of prices and of bars."""
    prices = sorted(settings.home.glob(f"{settings.warehouse.name}*"))
    return [*prices, *sorted(settings.snapshots.glob("*.parquet"))]


def _store(
    name: str, content: IO[bytes], database: RawDatabase, settings: Settings, passphrase: str | None
) -> tuple[str, int]:
    """Store a member; returns its part of the backup, and how much of it this was."""
    folder, _, rest = name.partition("/")
    if folder == "mongodb":
        collection = rest.rpartition("/")[0]
        return collection, write_part(database, collection, content.read())
    if folder == _SECRETS:
        return folder, _store_secrets(content.read(), settings.home, passphrase) if passphrase else 0
    homes = {_PRICES: settings.home, _SNAPSHOTS: settings.snapshots, _STRATEGIES: settings.strategies}
    place = homes[folder] / (rest or folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as opened:
        while chunk := content.read(1024 * 1024):
            opened.write(chunk)
    return folder, 1


def _store_secrets(sealed: bytes, home: Path, passphrase: str) -> int:
    found = unseal(sealed, passphrase)
    if pages := found.pop(_PAGES_SECRET, None):
        _write_closed(home / _PAGES_SECRET, base64.b64decode(pages))
    lines = "".join(f"{name}={value}\n" for name, value in sorted(found.items()))
    _write_closed(home / RESTORED_SECRETS, lines.encode())
    return len(found)


def _write_closed(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
