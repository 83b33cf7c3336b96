"""Reports of changes in stored bars, each once, in the channels whose champions and schedules rest on them.

A report claims its changes before it is posted, and its posts have its name in the outbox, so that a stop between
the two loses nothing and repeats nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.delivery.outbox import Outbox
from bot.documents.audiences import readers_of, seen_by
from bot.documents.current_workspace import in_workspace
from bot.grammar.formatting import PREFIX
from bot.schedules.bars_in_use import Use, UseKind, UsesBySeries, channels_of, language_of, team_of
from bot.schedules.champions import Champions
from bot.schedules.change_effects import ChangeEffects, effects_of
from optimizer.market.feed import Market
from optimizer.market.warehouse.changes import BarChange
from reports.render import Language, renderer_of

log = logging.getLogger(__name__)

#: Most changes in one message.
NAMED = 10


class ChangeReports:
    """Posts what changed in stored bars."""

    def __init__(self, *, market: Market, champions: Champions, outbox: Outbox, language: Language) -> None:
        self._market = market
        self._champions = champions
        self._outbox = outbox
        self._language = language

    async def post(self, report: str, used: UsesBySeries) -> None:
        """Post the changes that no earlier report has; repeated under its name it posts the same."""
        claimed = await asyncio.to_thread(self._market.warehouse.claim_changes, report)
        changes = [change for change in claimed if change.changes_returns]
        for channel_id in channels_of(used) if changes else ():
            with in_workspace(team_of(channel_id, used)):
                await self._post_in(channel_id, report, changes, used)
        log.info("changes_reported n=%s n_harmless=%s", len(changes), len(claimed) - len(changes))

    async def _post_in(self, channel_id: str, report: str, changes: Sequence[BarChange], used: UsesBySeries) -> None:
        among = seen_by(readers_of(channel_id))
        effects = await effects_of(changes, self._market.warehouse, self._champions, among)
        here = {one.change.key: _scheduled(used.get(one.change.key, ()), channel_id) for one in effects}
        rows = [_in_channel(one, here[one.change.key], channel_id) for one in effects]
        rows = [row for row in rows if row.champions or row.schedules]
        if not rows:
            return
        language = await language_of(channel_id, [use for uses in here.values() for use in uses], self._language)
        message = renderer_of(language).render(
            "changed_bars",
            rows=rows[:NAMED],
            n_series=len({row.change.key for row in rows}),
            n_others=len(rows[NAMED:]),
        )
        key = f"changes:{report}:{channel_id}"
        await self._outbox.post(key, key, channel_id, message, is_unasked=True)


def _scheduled(uses: Sequence[Use], channel_id: str) -> list[Use]:
    return [use for use in uses if use.kind is UseKind.SCHEDULE and use.channel_id == channel_id]


def _in_channel(effects: ChangeEffects, schedules: Sequence[Use], channel_id: str) -> ChangeEffects:
    """Return what rests on a change in one channel, with the commands that repeat it."""
    champions = [champion for champion in effects.champions if champion.channel_id == channel_id]
    names = list(dict.fromkeys(use.name for use in schedules))
    commands = [champion.command for champion in champions] + [f"{PREFIX} run {name}" for name in names]
    return replace(effects, champions=champions, schedules=names, commands=commands)
