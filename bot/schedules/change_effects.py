"""Changes of stored bars with the champions and finished studies that rest on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.documents.recurring import Champion
from bot.grammar.formatting import command_text
from bot.schedules.champions import Champions
from optimizer.market.warehouse.changes import BarChange
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import Query
from optimizer.studies.affected_studies import find_affected


@dataclass(frozen=True, kw_only=True)
class RestingChampion:
    """Champion whose study rests on changed bars."""

    symbol: str
    strategy: str
    study: str
    command: str  # repeats its study
    channel_id: str  # where it was adopted; empty: in a terminal


@dataclass(frozen=True, kw_only=True)
class ChangeEffects:
    """Change of stored bars, and what rests on them."""

    change: BarChange
    champions: Sequence[RestingChampion]
    studies: Sequence[str]  # names, newest first
    schedules: Sequence[str] = ()  # names
    commands: Sequence[str]  # repeat what rests on the bars


async def effects_of(
    changes: Sequence[BarChange], warehouse: Warehouse, champions: Champions, among: Query
) -> list[ChangeEffects]:
    """Return what rests on the bars of each change: current champions, and finished studies of `among`."""
    current = {champion.study_name: champion for champion in await champions.current()}
    adopted = await find_affected(changes, warehouse, {"study_name": {"$in": list(current)}})
    studies = await find_affected(changes, warehouse, among)
    return [
        _effects(change, [current[study.study_name] for study in theirs], found)
        for change, theirs, found in zip(changes, adopted, studies, strict=True)
    ]


def _effects(change: BarChange, champions: Sequence[Champion], studies: Sequence[OptimizationStudy]) -> ChangeEffects:
    """Champions' studies are worth repeating, else the newest study."""
    specs = [champion.spec for champion in champions] or [study.spec for study in studies[:1]]
    return ChangeEffects(
        change=change,
        champions=[_resting(champion) for champion in champions],
        studies=[study.study_name for study in studies],
        commands=list(dict.fromkeys(command_text(spec) for spec in specs)),
    )


def _resting(champion: Champion) -> RestingChampion:
    return RestingChampion(
        symbol=champion.symbol,
        strategy=champion.strategy_name,
        study=champion.study_name,
        command=command_text(champion.spec),
        channel_id=champion.channel_id,
    )
