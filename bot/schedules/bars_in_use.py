"""Bars in use: which series, by whom, and in which channel."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum, auto
from typing import Any

from bot.documents.conversations import Conversation
from bot.documents.preferences import ChannelSettings
from bot.documents.recurring import Champion, Schedule
from bot.schedules.champions import Champions
from bot.schedules.watchlists import UnknownWatchlist, specs_for
from optimizer.domain.study_request import StudySpec
from optimizer.market.raw_bars import SeriesKey
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from reports.render import Language

#: Bars of a study count as in use for this long.
RECENT = timedelta(days=7)


class UseKind(StrEnum):
    """What uses bars."""

    SCHEDULE = auto()
    CHAMPION = auto()
    STUDY = auto()


@dataclass(frozen=True, kw_only=True)
class Use:
    """Schedule, champion or study that needs the newest bars of a symbol."""

    kind: UseKind
    symbol: str
    timeframe: str
    source: str | None  # None: any source
    name: str  # of the schedule, or of the study
    channel_id: str = ""  # empty: requested in a terminal
    language: Language | None = None  # of the posts there, where known
    team: str = ""  # workspace of the channel; empty: the bot's own


#: Uses of each stored series.
UsesBySeries = Mapping[SeriesKey, Sequence[Use]]


def channels_of(used: UsesBySeries) -> list[str]:
    """Return the channels of the uses, sorted."""
    return sorted({use.channel_id for uses in used.values() for use in uses} - {""})


def team_of(channel_id: str, used: UsesBySeries) -> str:
    """Return the workspace of a channel of the uses."""
    return next(use.team for uses in used.values() for use in uses if use.channel_id == channel_id)


async def language_of(channel_id: str, here: Iterable[Use], default: Language) -> Language:
    """Return the channel's language, else that of the uses there, else the default."""
    channel = await ChannelSettings.find_one(ChannelSettings.channel_id == channel_id)
    if channel is not None and channel.language is not None:
        return channel.language
    return next((use.language for use in here if use.language is not None), default)


async def find_uses(champions: Champions, now: datetime) -> list[Use]:
    """Return the uses by schedules, champions and recent studies, in that order."""
    schedules = await Schedule.find({"removed_at": None}).sort("_id").to_list()
    found = [use for schedule in schedules for use in await _of_schedule(schedule, now.date())]
    found += [use for champion in await champions.everywhere() for use in _of_champion(champion)]
    return [*found, *[use async for use in _of_studies(now - RECENT)]]


async def _of_schedule(schedule: Schedule, day: date) -> list[Use]:
    """Return one use per symbol, or per member of its watch list on a day; none for a deleted list."""
    try:
        specs = await specs_for(schedule.spec, day)
    except UnknownWatchlist:
        return []
    where = {"channel_id": schedule.channel_id, "language": schedule.language, "team": schedule.team}
    named = {"kind": UseKind.SCHEDULE, "name": schedule.schedule_name}
    return [use for spec in specs for use in _of_spec(spec, **named, **where)]


def _of_champion(champion: Champion) -> list[Use]:
    named = {"kind": UseKind.CHAMPION, "name": champion.study_name}
    return _of_spec(champion.spec, **named, channel_id=champion.channel_id, team=champion.team)


def _of_spec(spec: StudySpec, **where: Any) -> list[Use]:
    return [Use(symbol=symbol, timeframe=spec.timeframe, source=spec.source, **where) for symbol in spec.symbols]


async def _of_studies(since: datetime) -> AsyncIterator[Use]:
    """Yield the newest study of each series and channel."""
    met: set[tuple[str, ...]] = set()
    async for study in _studies(since):
        spec, name = StudySpec.model_validate(study["spec"]), study["study_name"]
        conversation = await Conversation.find_one(Conversation.study_name == name)
        where = conversation.model_dump(include={"channel_id", "language", "team"}) if conversation else {}
        source = spec.source if spec.is_shared else study["source"]
        for use in _of_spec(spec.model_copy(update={"source": source}), kind=UseKind.STUDY, name=name, **where):
            key = (use.symbol, use.timeframe, use.source or "", use.channel_id)
            if key not in met:
                met.add(key)
                yield use


def _studies(since: datetime) -> AsyncIterator[dict[str, Any]]:
    """Yield the newest first, with only the needed fields: a summary is long."""
    fields = dict.fromkeys(("study_name", "source", "spec"), 1)
    found = collection_of(OptimizationStudy).find({"created_at": {"$gte": since}}, fields)
    studies: AsyncIterator[dict[str, Any]] = found.sort("created_at", -1)
    return studies
