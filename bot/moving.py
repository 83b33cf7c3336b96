"""Where the bot may not speak: a study asked for in a channel it is not in is told to its asker directly.

A slash command works in every channel, also where the bot is no member and may not post. Only Slack's
refusal of the root message tells; then the whole conversation moves.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.documents import Conversation, OutboxEntry, Sending, StudyGroup
from bot.office import Office
from bot.outbox import post
from bot.place import Place

#: Slack's words for: not there, or not for you.
UNREACHABLE = {"not_in_channel", "channel_not_found", "is_archived", "restricted_action"}


async def in_private(place: Place, office: Office) -> Place:
    """The asker's own conversation with the bot."""
    opened = await office.client.conversations_open(users=place.user_id)
    channel_id = str(opened["channel"]["id"])
    return replace(place, channel_id=channel_id, thread_ts="", public_language=place.language, is_broadcast=False)


async def move_if_refused(root: str, names: Sequence[str], place: Place, office: Office) -> None:
    """Wait for the root message of a conversation; when Slack refuses the channel, go to the asker with everything.

    `root` is the name of the study or group whose message it is, `names` are all that speak under it.
    """
    entry = await office.outbox.until_sent(f"{root}:root")
    if entry.sending is not Sending.REFUSED or entry.error not in UNREACHABLE:
        return
    there = await in_private(place, office)
    words = place.renderer.notice("moved", channel=place.channel_id)
    said = post(f"{root}:moved", root, there.channel_id, text=words.text, blocks=words.blocks, now=office.clock())
    await office.outbox.put([said])
    fields = {"$set": {"channel_id": there.channel_id, "language": there.public_language}}
    every = {"$in": [root, *names]}
    await Conversation.get_motor_collection().update_many({"study_name": every}, fields)
    await StudyGroup.get_motor_collection().update_many({"group_name": root}, fields)
    again = {"channel_id": there.channel_id, "thread_ts": "", "sending": str(Sending.WAITING), "error": ""}
    unsaid = {"conversation": every, "sending": {"$ne": str(Sending.SENT)}}
    await OutboxEntry.get_motor_collection().update_many(unsaid, {"$set": again})
