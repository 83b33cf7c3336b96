"""`mute`, `unmute`, `preferences`: how a person is answered."""

from bot.context import Answer, BotContext, Listeners
from bot.documents.preferences import PersonSettings, settings_of
from bot.grammar.clock_settings import AS_IN_SLACK
from bot.grammar.commands import Mute, Preferences, Unmute
from bot.origin import Origin

#: Fields of the document, by the key that is typed.
_FIELDS = {"mute": "is_muted", "dm": "is_direct"}


async def mute(command: Mute, origin: Origin, context: BotContext) -> Answer:
    """Let the user's studies be told by their root messages alone."""
    await _store(origin.user_id, is_muted=True)
    return Answer(origin.renderer.notice("muted"))


async def unmute(command: Unmute, origin: Origin, context: BotContext) -> Answer:
    """Let the user's studies be told in full again."""
    await _store(origin.user_id, is_muted=False)
    return Answer(origin.renderer.notice("unmuted"))


async def prefer(command: Preferences, origin: Origin, context: BotContext) -> Answer:
    """Show how the user is answered, or change it."""
    match command:
        case Preferences("tz", str(zone)):
            await _store(origin.user_id, time_zone=None if zone == AS_IN_SLACK else zone)
        case Preferences(str(key), str(value)):
            await _store(origin.user_id, **{_FIELDS[key]: value == "yes"})
    found = await settings_of(origin.user_id)
    values = {
        "mute": "yes" if found.is_muted else "no",
        "dm": "yes" if found.is_direct else "no",
        "tz": found.time_zone or AS_IN_SLACK,
    }
    return Answer(origin.renderer.render("preferences", values=values, is_changed=command.value is not None))


async def _store(user_id: str, **fields: object) -> None:
    await PersonSettings.get_motor_collection().update_one({"user_id": user_id}, {"$set": fields}, upsert=True)


LISTENERS: Listeners = {
    Mute: mute,
    Unmute: unmute,
    Preferences: prefer,
}
