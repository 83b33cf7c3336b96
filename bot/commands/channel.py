"""`config`: settings of a channel, and watch lists."""

from bot.context import Answer, BotContext, Listeners
from bot.documents.preferences import ChannelSettings, Watchlist
from bot.grammar.commands import Config
from bot.origin import Origin
from reports.text.message import Message


async def configure(command: Config, origin: Origin, context: BotContext) -> Answer:
    """Show the channel's settings and the watch lists, or change one."""
    if command.key is not None and command.value is not None:
        if command.key.startswith("@"):
            await _store_list(command.key[1:], command.value, origin, context)
        else:
            await _change(command.key, command.value, origin, context)
    return Answer(await _config_message(command, origin, context))


async def _config_message(command: Config, origin: Origin, context: BotContext) -> Message:
    channel = await ChannelSettings.find_one(ChannelSettings.channel_id == origin.channel_id)
    lists = await Watchlist.find_all().sort("name").to_list()
    language = (channel.language if channel else None) or context.services.settings.language
    return origin.renderer.render(
        "config",
        channel=origin.channel_id,
        is_direct=origin.is_direct,
        values={"language": language, "broadcast": "yes" if channel and channel.broadcast else "no"},
        lists=lists,
        is_changed=command.value is not None,
        key=command.key or "",
    )


async def _change(key: str, value: str, origin: Origin, context: BotContext) -> None:
    wanted = value == "yes" if key == "broadcast" else value
    fields = {key: wanted, "changed_by": origin.user_id, "changed_at": context.clock()}
    collection = ChannelSettings.get_motor_collection()
    await collection.update_one({"channel_id": origin.channel_id}, {"$set": fields}, upsert=True)


async def _store_list(name: str, symbols: str, origin: Origin, context: BotContext) -> None:
    """Store the list under its name; a list without symbols is deleted."""
    collection = Watchlist.get_motor_collection()
    if not symbols:
        await collection.delete_one({"name": name})
        return
    fields = {"symbols": symbols.split(","), "changed_by": origin.user_id, "changed_at": context.clock()}
    await collection.update_one({"name": name}, {"$set": fields}, upsert=True)


LISTENERS: Listeners = {
    Config: configure,
}
