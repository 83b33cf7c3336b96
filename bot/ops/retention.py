"""Retention: a nightly sweep of what is old and made again on demand, or by age not needed any more.

Nothing of a study's result is ever deleted: its request, trials, summary, curves and bars stay.
"""

import asyncio
import logging
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.conversations import Conversation, OutboxEntry, Sending, Telling
from bot.documents.sweeps import Sweep
from bot.runtime.settings import Settings
from optimizer.clock import Clock
from optimizer.market.snapshots import drop_snapshots
from optimizer.storage.copies.shared_snapshots import drop_shared_snapshots
from optimizer.storage.documents import BacktestRecord, OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import patiently

log = logging.getLogger(__name__)

#: Seconds between two looks whether a sweep is due.
TICK_SECONDS = 60.0
#: When it is due, in UTC: people are rarely at work then, in Seoul as in New York.
_DUE = time(18, 30, tzinfo=UTC)
#: A snapshot is written just before its study is stored.
_FRESH = timedelta(days=1)
#: Folders deleted before others get a turn.
_BATCH = 50
_ROOT = re.compile(":root$")
_NAME = {"study_name": 1}


class Retention:
    """Sweeps once a day."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def tick(self) -> None:
        """Sweep when it is due, waiting out an outage of MongoDB."""
        if await patiently(self._is_due, what="sweeps"):
            await patiently(self.sweep, what="sweep")

    async def _is_due(self) -> bool:
        last = await last_sweep()
        return last is None or last.ended_at < due_before(self._clock())

    async def sweep(self) -> Sweep:
        """Sweep now; repeating it changes nothing more. Returns what was deleted."""
        began = self._clock()
        reports, audit, outbox = (began - timedelta(days=days) for days in self._kept_days)
        deleted = {
            "reports": await self._sweep_reports(reports),
            "backtests": await _sweep_backtests(reports),
            "snapshots": await self._sweep_snapshots(began - _FRESH),
            "outbox": await _sweep_outbox(outbox),
        }
        requests = await _sweep_audit(audit)  # last, right before what was deleted is stored
        deleted["audit"] = sum(requests.values())
        done = Sweep(started_at=began, ended_at=self._clock(), deleted=deleted, requests=requests)
        await done.insert()
        log.info("swept %s", " ".join(f"{name}={n}" for name, n in deleted.items()))
        return done

    @property
    def _kept_days(self) -> tuple[int, int, int]:
        return self._settings.keep_reports, self._settings.keep_audit, self._settings.keep_outbox

    async def _sweep_reports(self, before: datetime) -> int:
        """Delete the folders of charts and exports that were last drawn before, but for those still to be sent."""
        unsent = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}, "file": {"$ne": ""}}
        files = await collection_of(OutboxEntry).distinct("file", unsent)
        kept = {Path(file).parent.name for file in files}
        old = await asyncio.to_thread(_old_folders, self._settings.reports, before)
        old = [folder for folder in old if folder.name not in kept]
        for first in range(0, len(old), _BATCH):
            await asyncio.to_thread(_delete_folders, old[first : first + _BATCH])
        return len(old)

    async def _sweep_snapshots(self, before: datetime) -> int:
        """Delete the bars that no study has."""
        collection = collection_of(OptimizationStudy)
        fields = ("data_hash", "data_hashes", "companion_hashes")
        kept = {data_hash for field in fields for data_hash in await collection.distinct(field)}
        await drop_shared_snapshots(keep=kept, before=before)
        return await asyncio.to_thread(drop_snapshots, self._settings.snapshots, keep=kept, before=before)


async def _sweep_backtests(before: datetime) -> int:
    """Delete the stored backtests of studies that ended before: they follow from bars and parameters."""
    collection = collection_of(BacktestRecord)
    names = await collection.distinct("study")
    ended = {"study_name": {"$in": names}, "completed_at": {"$lt": before}}
    old = [found["study_name"] async for found in collection_of(OptimizationStudy).find(ended, _NAME)]
    return int((await collection.delete_many({"study": {"$in": old}})).deleted_count)


async def _sweep_audit(before: datetime) -> dict[str, int]:
    """Delete old entries of the audit; returns how many of each outcome."""
    collection, numbers = collection_of(AuditEntry), dict[str, int]()
    for outcome in map(str, Outcome):
        deleted = await collection.delete_many({"outcome": outcome, "at": {"$lt": before}})
        numbers |= {outcome: deleted.deleted_count} if deleted.deleted_count else {}
    return numbers


async def _sweep_outbox(before: datetime) -> int:
    """Delete old messages that were sent or refused, but for roots, which later replies need: those lose their blocks.

    A key that is gone could be stored and sent again, so nothing of a conversation that still goes on is deleted.
    """
    collection = collection_of(OutboxEntry)
    open_ones = await collection_of(Conversation).distinct("study_name", {"telling": {"$ne": str(Telling.TOLD)}})
    settled = {"sending": {"$in": [str(Sending.SENT), str(Sending.REFUSED)]}}
    old = settled | {"created_at": {"$lt": before}, "conversation": {"$nin": open_ones}}
    await collection.update_many({**old, "key": _ROOT, "blocks": {"$ne": []}}, {"$set": {"blocks": []}})
    return int((await collection.delete_many({**old, "key": {"$not": _ROOT}})).deleted_count)


def _old_folders(reports: Path, before: datetime) -> list[Path]:
    """Return the folders in which nothing was written since."""
    found = [folder for folder in reports.glob("*") if folder.is_dir()]
    return [folder for folder in found if datetime.fromtimestamp(_written(folder), UTC) < before]


def _written(folder: Path) -> float:
    return max(place.stat().st_mtime for place in (folder, *folder.glob("*")))


def _delete_folders(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)  # what cannot be deleted now is tried tomorrow


def due_before(now: datetime) -> datetime:
    """Return the last time at which a sweep was due."""
    today = datetime.combine(now.astimezone(UTC).date(), _DUE)
    return today if today <= now else today - timedelta(days=1)


async def last_sweep() -> Sweep | None:
    """Return the last sweep."""
    return await Sweep.find_all().sort("-started_at").first_or_none()


async def swept_requests() -> Mapping[str, int]:
    """Return how many audit entries were ever deleted, by outcome: counters of metrics never fall."""
    found = await Sweep.find({"requests": {"$ne": {}}}).to_list()
    return sum((Counter(sweep.requests) for sweep in found), Counter[str]())
