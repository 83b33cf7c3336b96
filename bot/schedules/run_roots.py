"""Roots of runs over a watch list: one message that fills as members are compared, whose posts are in its thread."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.delivery.outbox import Outbox
from bot.documents.conversations import Method, Precedence
from bot.documents.recurring import RunState, Schedule, ScheduleRun
from bot.schedules.schedules import is_late
from optimizer.clock import Clock
from reports.render import renderer_of
from reports.text.message import Message

#: Wait between two edits of a root: its age divided by this, and at least this many seconds.
_AGE_SHARE, _LEAST_SECONDS = 8.0, 2.0


@dataclass(frozen=True, kw_only=True)
class ListRunFacts:
    """Facts of a run over a watch list for its root."""

    schedule: Schedule
    runs: Sequence[ScheduleRun]  # of all members
    late_at: datetime | None  # when it should have begun, in the schedule's time zone; None: in time

    @property
    def told(self) -> list[ScheduleRun]:
        """Runs whose post is stored."""
        return [run for run in self.runs if run.state is RunState.TOLD]

    def symbols(self, decision: str | None) -> list[str]:
        """Members with a decision, by its name, or without a result."""
        return sorted(run.symbol for run in self.told if run.decision == decision)


class RunRoots:
    """Posts the root of each run over a watch list, and edits it as members are told."""

    def __init__(self, *, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._edited_at: dict[str, datetime] = {}  # of each root that is open
        self._telling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open(self, schedule: Schedule, run: ScheduleRun) -> str:
        """Post the root of a member's run, once; returns its key, or an empty string for a run that needs none."""
        if run.n_together < 2 or not schedule.channel_id:
            return ""
        key = _key(run)
        async with self._telling[key]:  # members begin together, and one of them reads the others
            if key not in self._edited_at:
                await self._outbox.post(
                    key,
                    key,
                    schedule.channel_id,
                    await _message(schedule, run),
                    is_unasked=not run.asked_by,
                    precedence=Precedence.ROOT,
                )
                self._edited_at[key] = self._clock()
        return key

    @asynccontextmanager
    async def telling(self, schedule: Schedule, run: ScheduleRun) -> AsyncIterator[None]:
        """Edit the root for a run that counts as told after the block; a crash in between repeats both."""
        if not (key := await self.open(schedule, run)):
            yield
            return
        async with self._telling[key]:
            among = {"schedule_name": run.schedule_name, "due_at": run.due_at, "symbol": {"$ne": run.symbol}}
            n_open = await ScheduleRun.find(among, {"state": {"$ne": str(RunState.TOLD)}}).count()
            if not n_open or self._is_due(key, run):
                name = f"{key}:{run.n_together - n_open}" if n_open else f"{key}:final"
                await self._edit(schedule, run, key, name)
            yield
        if not n_open:
            self._edited_at.pop(key, None)
            self._telling.pop(key, None)

    def _is_due(self, key: str, run: ScheduleRun) -> bool:
        now = self._clock()
        age = (now - run.started_at).total_seconds()
        return (now - self._edited_at[key]).total_seconds() >= max(_LEAST_SECONDS, age / _AGE_SHARE)

    async def _edit(self, schedule: Schedule, run: ScheduleRun, key: str, name: str) -> None:
        self._edited_at[key] = self._clock()
        await self._outbox.post(
            name,
            key,
            schedule.channel_id,
            await _message(schedule, run),
            under=key,
            method=Method.EDIT,
            is_unasked=not run.asked_by,
            precedence=Precedence.REST,
        )


def _key(run: ScheduleRun) -> str:
    return f"{run.schedule_name}:{int(run.due_at.timestamp())}:list"


async def _message(schedule: Schedule, run: ScheduleRun) -> Message:
    """Return the root as it is with this run, which is not stored yet."""
    stored = await ScheduleRun.find({"schedule_name": run.schedule_name, "due_at": run.due_at}).to_list()
    runs = [run if each.symbol == run.symbol else each for each in stored]
    late_at = run.due_at.astimezone(ZoneInfo(schedule.time_zone)) if is_late(run) else None
    facts = ListRunFacts(schedule=schedule, runs=runs, late_at=late_at)
    return renderer_of(schedule.language).render("weekly_list", g=facts)
