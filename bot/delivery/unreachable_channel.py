"""Where the bot may not speak: a study asked for in a channel it is not in is told to its asker directly.

A slash command works in every channel, also where the bot is no member and may not post. Only Slack's
refusal of the root message tells; then the whole conversation moves. What is to be done stands in the outbox: a
root that waits, or was refused in a channel, is looked after again when the bot starts. Every step may be done twice.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.context import Office
from bot.delivery.outbox import post
from bot.documents.conversations import Conversation, OutboxEntry, Sending, StudyGroup
from bot.origin import Place

#: Slack's words for: not there, or not for you.
UNREACHABLE = {"not_in_channel", "channel_not_found", "is_archived", "restricted_action"}


async def in_private(place: Place, office: Office) -> Place:
    """The asker's own conversation with the bot."""
    opened = await office.client.conversations_open(users=place.user_id)
    channel_id = str(opened["channel"]["id"])
    return replace(place, channel_id=channel_id, thread_ts="", public_language=place.language, is_broadcast=False)


async def recover(office: Office) -> int:
    """Look after the roots that an earlier run left unsent, or refused and not moved; returns how many."""
    waiting = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}
    refused = {"sending": str(Sending.REFUSED), "error": {"$in": sorted(UNREACHABLE)}}
    # What stands under another root moves with it, and from the asker's own conversation there is nowhere to go.
    roots = {"key": {"$regex": ":root$"}, "under": "", "channel_id": {"$not": {"$regex": "^D"}}}
    entries = await OutboxEntry.find({**roots, "$or": [waiting, refused]}).sort("order").to_list()
    for entry in entries:
        office.errands.run(_look_after(entry.key.removesuffix(":root"), office))
    return len(entries)


async def _look_after(root: str, office: Office) -> None:
    group = await StudyGroup.find_one(StudyGroup.group_name == root)
    asked = group or await Conversation.find_one(Conversation.study_name == root)
    if asked is None:
        return
    person = await office.people.person(asked.user_id)
    place = Place(
        channel_id=asked.channel_id,
        user_id=asked.user_id,
        language=person.language or asked.language,
        public_language=asked.language,
    )
    await move_if_refused(root, group.studies if group else (), place, office)


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
