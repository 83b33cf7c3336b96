"""Leases of studies: which worker runs one, and which of its writes still count.

A lease names its owner, one process, and the owner's pool, the program that started it and learns of its end. Each
claim raises the token, and each write of a run asks for owner and token in its filter, so that a worker that lost its
lease while it was frozen changes nothing when it goes on. A pool takes its own leases back at once; those of others
are taken away by a reaper that saw the same beat for a while (`optimizer/studies/running/reaper.py`). No clock is
compared with another machine's.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from optimizer.clock import utc_now
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import BY_CLAIM, OptimizationStudy
from optimizer.storage.driver import aggregate, collection_of
from optimizer.storage.outage import name_of, patiently

log = logging.getLogger(__name__)

#: Seconds between two beats of an owner, and those of one beat after which a reaper takes a lease away.
HEARTBEAT_SECONDS, EXPIRY_SECONDS = 5.0, 20.0
#: Seconds after a beat in which nobody can have taken the lease away.
TRUSTED_SECONDS = EXPIRY_SECONDS - HEARTBEAT_SECONDS
#: Seconds that MongoDB has for the leases of a program that ends.
_GIVE_BACK_SECONDS = 2.0
_CLAIMABLE = [str(StudyState.QUEUED), str(StudyState.RUNNING)]
#: The next token, in an update by pipeline.
_NEXT_TOKEN = {"$add": [{"$ifNull": ["$lease.token", 0]}, 1]}
_ONE_MORE_DEATH = {"deaths": {"$add": [{"$ifNull": ["$deaths", 0]}, 1]}}
_NEVER = datetime.min.replace(tzinfo=UTC)


class LeaseLost(Exception):
    """Another worker may run the study by now; the caller writes nothing more of it."""


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """Worker process that claims studies."""

    pool: str  # identity of the program that started it; only one process can have it at a time
    machine: str = field(default_factory=socket.gethostname)
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    code_version: str = ""  # the only one whose studies it takes; empty for a bot's own worker, which takes any

    @property
    def is_elsewhere(self) -> bool:
        """True for a worker that does not see the bot's data directory."""
        return bool(self.code_version)

    def may_claim(self) -> dict[str, Any]:
        """Query of the studies that it may claim, the others being finished, stopped or somebody else's."""
        mine = [{"lease.owner": None}, {"lease.owner": self.owner}, {"lease.pool": self.pool}]
        query: dict[str, Any] = {"status": {"$in": _CLAIMABLE}, "$or": mine}
        if self.is_elsewhere:
            is_for_all = {"needs_bot": {"$ne": True}, "strategy_digest": {"$in": ["", None]}}  # no strategy of its own
            query |= {"code_version": self.code_version, "wanted": None, **is_for_all}
        return query


class HeldStudy:
    """Study that this process has claimed; everything that its run writes goes through here, or is confirmed here."""

    def __init__(self, found: Mapping[str, Any], owner: str, claimed_at: float) -> None:
        """`found` is the study as it was stored by the claim."""
        self.study_name: str = found["study_name"]
        self.found = found
        self._fence = {"study_name": self.study_name, "lease.owner": owner, "lease.token": found["lease"]["token"]}
        self._beaten_at = claimed_at  # by a clock that goes on while the machine sleeps
        self._is_lost = False

    @property
    def is_begun(self) -> bool:
        """True if an earlier run may have stored something of the study."""
        return self.found["started_at"] != self.found["heartbeat_at"] or bool(self.found.get("trials_completed"))

    async def beat(self) -> None:
        """Show that the owner lives. Raises LeaseLost."""
        began = _now()
        await self._write({"$set": {"heartbeat_at": utc_now()}, "$inc": {"lease.beat": 1}})
        self._beaten_at = began

    async def confirm(self) -> None:
        """Raise LeaseLost unless nobody else can have the study; asks MongoDB only when the last beat is old."""
        if self._is_lost:
            raise LeaseLost
        if _now() - self._beaten_at > TRUSTED_SECONDS:
            await self.beat()

    async def update(self, **fields: Any) -> StudyState | None:
        """Set fields of the study; returns the state that somebody requests of it. Raises LeaseLost."""
        found = await self._write({"$set": _plain(fields)})
        return StudyState(found["wanted"]) if found.get("wanted") else None

    async def settle(self, **fields: Any) -> None:
        """Set the last fields and give the lease back, in one update. Raises LeaseLost."""
        await self._write({"$set": {**_plain(fields), "lease.owner": None}}, may_be_settled=True)

    async def _write(self, change: Mapping[str, Any], *, may_be_settled: bool = False) -> Mapping[str, Any]:
        """Change the study if it is still held; an answer that was lost to a settlement is looked up."""
        collection = collection_of(OptimizationStudy)
        found: Mapping[str, Any] | None = await patiently(
            lambda: collection.find_one_and_update(self._fence, change, projection={"wanted": True}), what="study"
        )
        if found is None and may_be_settled:
            settled = {**self._fence, "lease.owner": None}  # whoever takes a lease away raises its token
            found = await patiently(lambda: collection.find_one(settled, {"wanted": True}), what="study")
        if found is None:
            self._is_lost = True
            log.warning("study_lease_lost study=%s", self.study_name)
            raise LeaseLost
        return found


async def claim(study_name: str, claimant: Claimant) -> HeldStudy | None:
    """Claim a study, which runs from then on; None when it is finished, paused, or held by another pool."""
    began = _now()
    collection = collection_of(OptimizationStudy)
    found = await patiently(
        lambda: collection.find_one_and_update(
            {"study_name": study_name, **claimant.may_claim()},
            [{"$set": _claimed(claimant)}],
            return_document=ReturnDocument.AFTER,
        ),
        what="claim",
    )
    return HeldStudy(found, claimant.owner, began) if found else None


async def time_claim() -> float:
    """Return the seconds that a claim takes, of a study that there is not, so that nothing changes."""
    began = _now()
    await claim("", Claimant(pool=""))
    return _now() - began


def _claimed(claimant: Claimant) -> dict[str, Any]:
    now = utc_now()
    names = {"owner": claimant.owner, "pool": claimant.pool, "machine": claimant.machine}
    literal = {name: {"$literal": text} for name, text in names.items()}
    lease = {**literal, "token": _NEXT_TOKEN, "beat": {"$literal": 0}, "claimed_at": "$$NOW"}
    started = {"$ifNull": ["$started_at", now]}
    return {"lease": lease, "status": str(StudyState.RUNNING), "started_at": started, "heartbeat_at": now}


async def next_claimable(claimant: Claimant, *, besides: Collection[str] = ()) -> str | None:
    """Name of the study to claim next; None where there is none.

    It is one of the person with the fewest running, of those of the one who was served longest ago, and of theirs the
    oldest of those under which the fewest workers have died.
    """
    collection = collection_of(OptimizationStudy)
    query = {**claimant.may_claim(), "study_name": {"$nin": list(besides)}}
    people = await collection.distinct("created_by", query)
    if len(people) > 1:
        query["created_by"] = await _whose_turn(people)
    found = await collection.find_one(query, {"study_name": True}, sort=[("deaths", 1), ("created_at", 1)])
    return found["study_name"] if found else None


async def _whose_turn(people: Collection[str]) -> str:
    running = {"status": str(StudyState.RUNNING), "lease.owner": {"$ne": None}}
    stages: list[dict[str, Any]] = [{"$match": running}, {"$group": {"_id": "$created_by", "n": {"$sum": 1}}}]
    n_running = {found["_id"]: found["n"] async for found in aggregate(OptimizationStudy, stages)}
    fewest = min(n_running.get(person, 0) for person in people)
    served: dict[str, datetime] = {}
    for person in (each for each in people if n_running.get(each, 0) == fewest):
        last = await collection_of(OptimizationStudy).find_one(
            {"created_by": person}, {"lease.claimed_at": True}, sort=list(BY_CLAIM[1:])
        )
        served[person] = ((last or {}).get("lease") or {}).get("claimed_at") or _NEVER
    return min(served, key=lambda person: served[person])


async def leave_to_bot(pool: str, study_name: str) -> None:
    """Give a study back that only the bot's own workers can run."""
    await settle_for(pool, study_name, {"needs_bot": True, "status": StudyState.QUEUED})


class Turn(NamedTuple):
    """What decides whether a study is run now."""

    created_by: str
    status: StudyState
    wanted: StudyState | None
    deaths: int
    pool: str  # of its holder; empty without one


async def turn_of(study_name: str) -> Turn | None:
    """Return what decides whether a study is run, without the rest of it; None where there is none."""
    fields = dict.fromkeys(("created_by", "status", "wanted", "deaths", "lease"), True)
    found = await collection_of(OptimizationStudy).find_one({"study_name": study_name}, fields)
    if found is None:
        return None
    lease, wanted = found.get("lease") or {}, found.get("wanted")
    return Turn(
        created_by=found["created_by"],
        status=StudyState(found["status"]),
        wanted=StudyState(wanted) if wanted else None,
        deaths=found.get("deaths", 0),
        pool=lease["pool"] if lease.get("owner") is not None else "",
    )


async def holder_of(study_name: str) -> tuple[StudyState, str, str] | None:
    """State of a study, and pool and machine of its holder, each empty without one; None where there is none."""
    found = await collection_of(OptimizationStudy).find_one({"study_name": study_name}, {"status": True, "lease": True})
    if found is None:
        return None
    lease = found.get("lease") or {}
    is_held = lease.get("owner") is not None
    return StudyState(found["status"]), *((lease["pool"], lease["machine"]) if is_held else ("", ""))


async def settle_for(pool: str, study_name: str, fields: Mapping[str, Any], **more: Any) -> bool:
    """Set fields of a study that no worker of another pool holds, and end its lease; False where one does.

    `more` is asked of the study too.
    """
    query = {"study_name": study_name, "$or": [{"lease.owner": None}, {"lease.pool": pool}], **more}
    changed = await collection_of(OptimizationStudy).update_one(query, [{"$set": _ended(fields)}])
    return bool(changed.matched_count)


async def release_pool(pool: str) -> int:
    """End every lease of a pool whose workers have ended; returns their number. The studies can be claimed at once."""
    changed = await collection_of(OptimizationStudy).update_many(_held_by(pool), [{"$set": _ended({})}])
    return int(changed.modified_count)


async def release_lost(pool: str) -> list[str]:
    """End every lease of a pool that was killed, and count a death of each; returns the names of the studies."""
    collection, query = collection_of(OptimizationStudy), _held_by(pool)
    names = [found["study_name"] async for found in collection.find(query, {"study_name": True})]
    await collection.update_many({**query, "study_name": {"$in": names}}, [{"$set": {**_ended({}), **_ONE_MORE_DEATH}}])
    return names


def _held_by(pool: str) -> dict[str, Any]:
    return {"status": {"$in": _CLAIMABLE}, "lease.pool": pool, "lease.owner": {"$ne": None}}


async def give_back(pool: str) -> None:
    """End every lease of a pool that ends; where MongoDB does not do it at once, others wait for the reaper."""
    try:
        async with asyncio.timeout(_GIVE_BACK_SECONDS):
            await release_pool(pool)
    except (PyMongoError, TimeoutError) as error:
        log.warning("leases_not_given_back error=%s", name_of(error))


async def take_away(study_name: str, token: int, beat: int) -> bool:
    """End a lease whose beat is still the one seen, and count a death; False where its owner lives after all."""
    query = {"study_name": study_name, "lease.token": token, "lease.beat": beat, "lease.owner": {"$ne": None}}
    changed = await collection_of(OptimizationStudy).update_one(query, [{"$set": {**_ended({}), **_ONE_MORE_DEATH}}])
    return bool(changed.modified_count)


def _ended(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Assignments of a pipeline: fields, which are no expressions whatever they contain, and a lease without owner."""
    literal = {name: {"$literal": value} for name, value in _plain(fields).items()}
    ended = {"owner": {"$literal": None}, "token": _NEXT_TOKEN}
    return {**literal, "lease": {"$mergeObjects": ["$lease", ended]}}


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, StudyState) else value for name, value in fields.items()}


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
