"""`config`, `mute`, `preferences`: settings of a channel and of a person, and watch lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.commands.schedule import own_zone
from bot.context import Answer, BotContext, Listeners
from bot.documents.current_workspace import workspace
from bot.documents.preferences import ChannelSettings, Detail, PersonSettings, Watchlist, settings_of
from bot.grammar.clock_settings import AS_IN_SLACK, OFF
from bot.grammar.commands import Config, Mute, Preferences, Unmute
from bot.grammar.symbol_file import stays_of
from bot.origin import Origin
from bot.schedules.watchlists import lists_named
from optimizer.domain.universe import Stay
from optimizer.errors import UnknownWord, UserError
from optimizer.storage.driver import collection_of
from reports.text.message import Message

#: Fields of the document, by the key that is typed.
_FIELDS = {"mute": "is_muted", "dm": "is_direct"}


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
            "detail": (channel and channel.detail) or Detail.BRIEF,
            **_clocks(channel),
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
    now = context.clock()
    fields = {"time_zone" if key == "tz" else key: wanted, "changed_by": origin.user_id, "changed_at": now}
    fields["team"] = workspace()
    if key in ("quiet", "digest") and value != OFF:
        fields |= {"digested_at": now, "time_zone": await _zone_of_clocks(origin, context)}
    collection = collection_of(ChannelSettings)
    await collection.update_one({"channel_id": origin.channel_id}, {"$set": fields}, upsert=True)


async def _zone_of_clocks(origin: Origin, context: BotContext) -> str:
    """Return the time zone of the channel's quiet hours: its own, else that of who sets them. Raises NoTimeZone."""
    channel = await ChannelSettings.find_one(ChannelSettings.channel_id == origin.channel_id)
    return (channel.time_zone if channel else None) or await own_zone(origin, context)


def _clocks(channel: ChannelSettings | None) -> dict[str, str]:
    """Return the settings that are times, as they are shown."""
    zone = {"tz": channel.time_zone} if channel and channel.time_zone else {}
    return {"quiet": (channel and channel.quiet) or OFF, "digest": (channel and channel.digest) or OFF, **zone}


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
        await collection_of(Watchlist).delete_one({"name": name})
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
    await collection_of(Watchlist).update_one({"name": name}, {"$set": changed}, upsert=True)


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


async def mute(command: Mute, origin: Origin, context: BotContext) -> Answer:
    """Let the user's studies be told by their root messages alone."""
    await _store_own(origin.user_id, is_muted=True)
    return Answer(origin.renderer.notice("muted"))


async def unmute(command: Unmute, origin: Origin, context: BotContext) -> Answer:
    """Let the user's studies be told in full again."""
    await _store_own(origin.user_id, is_muted=False)
    return Answer(origin.renderer.notice("unmuted"))


async def prefer(command: Preferences, origin: Origin, context: BotContext) -> Answer:
    """Show how the user is answered, or change it."""
    match command:
        case Preferences("tz", str(zone)):
            await _store_own(origin.user_id, time_zone=None if zone == AS_IN_SLACK else zone)
        case Preferences(str(key), str(value)):
            await _store_own(origin.user_id, **{_FIELDS[key]: value == "yes"})
    found = await settings_of(origin.user_id)
    values = {
        "mute": "yes" if found.is_muted else "no",
        "dm": "yes" if found.is_direct else "no",
        "tz": found.time_zone or AS_IN_SLACK,
    }
    return Answer(origin.renderer.render("preferences", values=values, is_changed=command.value is not None))


async def _store_own(user_id: str, **fields: object) -> None:
    await collection_of(PersonSettings).update_one({"user_id": user_id}, {"$set": fields}, upsert=True)


LISTENERS: Listeners = {
    Config: configure,
    Mute: mute,
    Unmute: unmute,
    Preferences: prefer,
}
