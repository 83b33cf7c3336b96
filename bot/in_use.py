"""Which bars are in use, by whom, and in which channel that matters."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.champions import Champions
from bot.documents import Champion, Conversation, Schedule
from optimizer.documents import OptimizationStudy
from reports.render import Language

#: A study makes its bars be in use for so long.
RECENT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Use:
    """Someone who needs the newest bars of a symbol."""

    symbol: str
    timeframe: str
    source: str | None  # None: whichever answers
    name: str  # of the schedule, or of the study
    channel_id: str = ""  # empty: asked for in a terminal
    language: Language | None = None  # that it speaks there, where that is known


async def uses(champions: Champions, now: datetime) -> list[Use]:
    """What schedules, champions and the studies of the last days need, in that order."""
    schedules = [_of_schedule(schedule) for schedule in await Schedule.find({"removed_at": None}).sort("_id").to_list()]
    present = [_of_champion(champion) for champion in await champions.present()]
    return [*schedules, *present, *[use async for use in _of_studies(now - RECENT)]]


def _of_champion(champion: Champion) -> Use:
    return Use(
        symbol=champion.symbol,
        timeframe=champion.timeframe,
        source=champion.spec.source,
        name=champion.study_name,
        channel_id=champion.channel_id,
    )


def _of_schedule(schedule: Schedule) -> Use:
    return Use(
        symbol=schedule.spec.symbol,
        timeframe=schedule.spec.timeframe,
        source=schedule.spec.source,
        name=schedule.schedule_name,
        channel_id=schedule.channel_id,
        language=schedule.language,
    )


async def _of_studies(since: datetime) -> AsyncIterator[Use]:
    """The newest study of each series and channel."""
    met: set[tuple[str, ...]] = set()
    async for study in _studies(since):
        told = await Conversation.find_one(Conversation.study_name == study["study_name"])
        series = (study["symbol"], study["spec"]["timeframe"], study["source"])
        key = (*series, told.channel_id if told else "")
        if key not in met:
            met.add(key)
            yield Use(
                symbol=series[0],
                timeframe=series[1],
                source=series[2],
                name=study["study_name"],
                channel_id=told.channel_id if told else "",
                language=told.language if told else None,
            )


def _studies(since: datetime) -> AsyncIterator[dict[str, Any]]:
    """The newest first, with what is asked of them alone: a summary is long."""
    fields = dict.fromkeys(("study_name", "symbol", "source", "spec.timeframe"), 1)
    found = OptimizationStudy.get_motor_collection().find({"created_at": {"$gte": since}}, fields)
    studies: AsyncIterator[dict[str, Any]] = found.sort("created_at", -1)
    return studies
