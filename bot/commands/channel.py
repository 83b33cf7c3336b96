"""`config`: settings of a channel, and watch lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.context import Answer, BotContext, Listeners
from bot.documents.preferences import ChannelSettings, Watchlist
from bot.grammar.commands import Config
from bot.grammar.symbol_file import stays_of
from bot.origin import Origin
from bot.schedules.watchlists import lists_named
from optimizer.domain.universe import Stay
from optimizer.errors import UnknownWord, UserError
from reports.text.message import Message


class NotInList(UnknownWord):
    """Raised for a symbol to be removed that is not in the list. Facts: word, nearest."""


class ListWithDates(UserError):
    """Raised for symbols to be added to a list with dates, or removed from it. Facts: word."""


@dataclass(frozen=True, kw_only=True)
class DatedList:
    """List with dates as `config` shows it."""

    name: str
    n_now: int
    n_ever: int
    first: date  # earliest and latest day that it names
    last: date
    changed_by: str
    changed_at: datetime


async def configure(command: Config, origin: Origin, context: BotContext) -> Answer:
    """Show the channel's settings and the watch lists, or change one."""
    is_changed = True
    match command:
        case Config(str(key), str(value)) if key.startswith("@"):
            await _store_list(key[1:], value.split(",") if value else [], origin, context)
        case Config(str(key), str(value)):
            await _change(key, value, origin, context)
        case Config(str(key)) if command.added or command.removed:
            await _store_list(key[1:], await _changed(key[1:], command), origin, context)
        case Config(str(key)) if key.startswith("@") and origin.attachment:
            stays = stays_of(await origin.attachment.read(), origin.attachment.name)
            await _store_stays(key[1:], stays, origin, context)
        case _:
            is_changed = False
    return Answer(await _config_message(command, origin, context, is_changed=is_changed))


async def _config_message(command: Config, origin: Origin, context: BotContext, *, is_changed: bool) -> Message:
    channel = await ChannelSettings.find_one(ChannelSettings.channel_id == origin.channel_id)
    lists = await Watchlist.find_all().sort("name").to_list()
    language = (channel.language if channel else None) or context.services.settings.language
    return origin.renderer.render(
        "config",
        channel=origin.channel_id,
        is_direct=origin.is_direct,
        values={
            "language": language,
            "broadcast": "yes" if channel and channel.broadcast else "no",
            "blocks": str(context.outbox.block_support.standing),
        },
        lists=[each for each in lists if not each.stays],
        dated=[_dated(each, context.clock().date()) for each in lists if each.stays],
        is_changed=is_changed,
        key=command.key or "",
    )


async def _change(key: str, value: str, origin: Origin, context: BotContext) -> None:
    if key == "blocks":
        await context.outbox.block_support.ask_again()
        return
    wanted = value == "yes" if key == "broadcast" else value
    fields = {key: wanted, "changed_by": origin.user_id, "changed_at": context.clock()}
    collection = ChannelSettings.get_motor_collection()
    await collection.update_one({"channel_id": origin.channel_id}, {"$set": fields}, upsert=True)


async def _changed(name: str, command: Config) -> list[str]:
    """Return a list's symbols with the additions at its end and without the removed ones.

    Raises UnknownWatchlist where there is no list to remove from, NotInList and ListWithDates.
    """
    found = await Watchlist.find_one(Watchlist.name == name)
    if found is None and command.removed:
        await lists_named([name])
    if found is not None and found.stays:
        raise ListWithDates(word=name)
    symbols = list(found.symbols) if found else []
    for symbol in command.removed:
        if symbol not in symbols:
            raise NotInList.of(symbol, symbols)
    return [each for each in dict.fromkeys([*symbols, *command.added]) if each not in command.removed]


async def _store_list(name: str, symbols: Sequence[str], origin: Origin, context: BotContext) -> None:
    """Store the list under its name; a list without symbols is deleted."""
    if not symbols:
        await Watchlist.get_motor_collection().delete_one({"name": name})
        return
    await _set_list(name, {"symbols": list(symbols), "stays": []}, origin, context)


async def _store_stays(name: str, stays: Sequence[Stay], origin: Origin, context: BotContext) -> None:
    """Store what a file lists; without any date it is a plain list."""
    is_dated = any(stay.start or stay.end for stay in stays)
    symbols = list(dict.fromkeys(stay.symbol for stay in stays))
    kept = [stay.model_dump(mode="json") for stay in stays] if is_dated else []
    await _set_list(name, {"symbols": symbols, "stays": kept}, origin, context)


async def _set_list(name: str, fields: dict[str, Any], origin: Origin, context: BotContext) -> None:
    changed = {**fields, "changed_by": origin.user_id, "changed_at": context.clock()}
    await Watchlist.get_motor_collection().update_one({"name": name}, {"$set": changed}, upsert=True)


def _dated(found: Watchlist, today: date) -> DatedList:
    days = [day for stay in found.stays for day in (stay.start, stay.end) if day is not None]
    return DatedList(
        name=found.name,
        n_now=len(found.members_on(today)),
        n_ever=len(found.symbols),
        first=min(days),
        last=max(days),
        changed_by=found.changed_by,
        changed_at=found.changed_at,
    )


LISTENERS: Listeners = {
    Config: configure,
}
