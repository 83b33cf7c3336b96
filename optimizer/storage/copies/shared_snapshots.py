"""Snapshots in MongoDB (GridFS), for workers that do not see the bot's data directory.

A file is named by the hash of its bars, so that a second upload is none, and what arrives is checked by its name.
"""

import asyncio
import logging
import secrets
import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from gridfs.errors import CorruptGridFile, FileExists, NoFile
from pymongo.errors import DuplicateKeyError

from optimizer.errors import DamagedSnapshot, NoSnapshot, Phrase, UserError
from optimizer.market.snapshots import is_whole, snapshot_path
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import database_of, file_bucket
from optimizer.storage.outage import patiently

log = logging.getLogger(__name__)

_BUCKET = "snapshots"
_REMEDY = Phrase("bot_runs_it")


class SnapshotNotKept(UserError):
    """This machine could not write the bars of a study, such as for want of room. Facts: folder, reason."""


async def share_snapshots(hashes: Sequence[str], folder: Path) -> None:
    """Upload snapshots that are not in MongoDB yet."""
    for data_hash in dict.fromkeys(hashes):
        if await _files().find_one({"_id": data_hash}, {"_id": True}) is None:
            content = await asyncio.to_thread(snapshot_path(data_hash, folder).read_bytes)
            await _upload(data_hash, content)


async def fetch_snapshots(hashes: Sequence[str], folder: Path) -> None:
    """Download the snapshots that are missing or damaged here.

    Raises NoSnapshot or DamagedSnapshot for what MongoDB has not whole, and SnapshotNotKept when the disk refuses it.
    """
    for data_hash in dict.fromkeys(hashes):
        if not await asyncio.to_thread(is_whole, data_hash, folder):
            await _fetch(data_hash, folder)


async def drop_shared_snapshots(*, keep: set[str], before: datetime) -> int:
    """Delete the files uploaded before whose hash is not in `keep`; returns their number."""
    old = [found["_id"] async for found in _files().find({"uploadDate": {"$lt": before}}, {"_id": True})]
    unused = [data_hash for data_hash in old if data_hash not in keep]
    for data_hash in unused:
        await _delete(data_hash)
    return len(unused)


async def try_bucket() -> bool:
    """Store, read and delete a file; returns whether it came back as it was. Raises PyMongoError."""
    name, content = f"probe-{secrets.token_hex(8)}", secrets.token_bytes(1024)
    try:
        await _bucket().upload_from_stream_with_id(name, name, content)
        stream = await _bucket().open_download_stream(name)
        return bool(await stream.read() == content)
    finally:
        await _delete(name)


async def _upload(data_hash: str, content: bytes) -> None:
    await _delete(data_hash)  # pieces that a killed upload left
    try:
        await _bucket().upload_from_stream_with_id(data_hash, f"{data_hash}.parquet", content)
    except (DuplicateKeyError, FileExists):
        log.info("snapshot_shared_already hash=%s", data_hash)  # another upload of the same content


async def _fetch(data_hash: str, folder: Path) -> None:
    content = await patiently(partial(_download, data_hash), what="snapshot")
    try:
        is_good = content is not None and await asyncio.to_thread(_keep, data_hash, content, folder)
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise SnapshotNotKept(folder=folder, reason=reason) from failure
    if not is_good:
        await _delete(data_hash)  # so that the next study on these bars uploads them again
        raise DamagedSnapshot(data_hash=data_hash, reason=Phrase("another_hash"), remedy=_REMEDY)


async def _download(data_hash: str) -> bytes | None:
    """Content of a file; None if a piece of it is missing. Raises NoSnapshot."""
    try:
        stream = await _bucket().open_download_stream(data_hash)
        content: bytes = await stream.read()
    except NoFile as failure:  # errors of the driver, but no outage
        raise NoSnapshot(data_hash=data_hash, folder="MongoDB", remedy=_REMEDY) from failure
    except CorruptGridFile:
        return None
    return content


def _keep(data_hash: str, content: bytes, folder: Path) -> bool:
    """Write a file that contains what its name says; False where it does not, and nothing is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetched-", dir=folder) as draft:
        place = snapshot_path(data_hash, Path(draft))
        place.write_bytes(content)
        if not is_whole(data_hash, Path(draft)):
            return False
        place.replace(snapshot_path(data_hash, folder))
    return True


async def _delete(data_hash: str) -> None:
    try:
        await _bucket().delete(data_hash)
    except NoFile:
        log.debug("snapshot_not_shared hash=%s", data_hash)


def _bucket() -> Any:
    return file_bucket(database_of(OptimizationStudy), _BUCKET)


def _files() -> Any:
    return database_of(OptimizationStudy)[f"{_BUCKET}.files"]
