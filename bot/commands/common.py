"""Steps that several listeners share: find a study one may see or change, and post in a study's thread."""

from collections.abc import Mapping
from typing import Any

from bot.access.roster import NotYours
from bot.access.viewers import NotForThisChannel
from bot.context import BotContext
from bot.documents.audiences import may_see, readers_of, seen_by
from bot.documents.conversations import Conversation, Method
from bot.origin import Origin
from bot.role import Role
from optimizer.storage.documents import OptimizationStudy
from reports.render import renderer_of
from reports.text.message import Message


async def visible(origin: Origin, context: BotContext) -> Mapping[str, Any]:
    """Return the query for what an answer may show: what the user sees, or where others read it what they all see."""
    return seen_by(readers_of(origin.channel_id)) if origin.is_overheard else await _seen(origin, context)


async def find_visible(word: str, origin: Origin, context: BotContext) -> OptimizationStudy:
    """Return the study that a word names, if the user and all who read the answer may see it.

    Raises UnknownStudy, SeveralStudies and NotForThisChannel.
    """
    study = await context.services.studies.find(word, among=await _seen(origin, context))
    if origin.is_overheard:
        require_open_here(study, origin)
    return study


async def find_result(word: str, origin: Origin, context: BotContext) -> OptimizationStudy:
    """Return a finished study as `find_visible` does; raises NotFinished too."""
    study = await context.services.studies.get_study_results(word, among=await _seen(origin, context))
    if origin.is_overheard:
        require_open_here(study, origin)
    return study


async def _seen(origin: Origin, context: BotContext) -> Mapping[str, Any]:
    return seen_by(await context.viewers.viewer(origin.user_id, origin.role))


def is_open_here(study: OptimizationStudy, origin: Origin) -> bool:
    """Check whether what is posted where a command was typed reaches only people who may see the study."""
    is_alone = origin.is_direct or not origin.channel_id
    return is_alone or may_see(readers_of(origin.channel_id), study)


def require_open_here(study: OptimizationStudy, origin: Origin) -> None:
    """Raise NotForThisChannel where a post would reach others."""
    if not is_open_here(study, origin):
        raise NotForThisChannel(study=study.study_name)


async def own_study(word: str, origin: Origin, context: BotContext) -> OptimizationStudy:
    """Return the study if the user started it or is an approver; raises as `find_visible`, and NotYours."""
    study = await find_visible(word, origin, context)
    if study.created_by != origin.user_id and origin.role < Role.APPROVER:
        raise NotYours(study=study.study_name, owner=study.created_by)
    return study


async def post_notice(context: BotContext, study_name: str, notice: str, /, **facts: object) -> bool:
    """Post one sentence in a study's thread, in its language; returns False where it has no thread."""
    conversation = await context.conversations.find(study_name)
    if conversation is None:
        return False
    words = renderer_of(conversation.language).notice(notice, **facts)
    await post_under_root(context, conversation, f"{notice}-{_stamp(context)}", words)
    return True


async def post_under_root(context: BotContext, conversation: Conversation, part: str, message: Message) -> None:
    """Post a message under a study's root."""
    await context.outbox.post(
        f"{conversation.study_name}:{part}",
        conversation.study_name,
        conversation.channel_id,
        message,
        team=conversation.team,
        under=f"{conversation.study_name}:root",
    )


async def upload(
    context: BotContext, study_name: str, *, file: str, title: str, origin: Origin, alt_text: str = ""
) -> bool:
    """Upload a file to the study's thread, or to where it was requested; returns True for the thread."""
    conversation = await context.conversations.find(study_name)
    is_here = conversation is not None and conversation.channel_id == origin.channel_id
    await context.outbox.post(
        f"{study_name}:file-{_stamp(context)}",
        study_name if is_here else f"files:{origin.channel_id}",
        origin.channel_id,
        Message(title, []),
        method=Method.UPLOAD,
        file=file,
        title=title,
        alt_text=alt_text,
        under=f"{study_name}:root" if is_here else "",
        thread_ts="" if is_here else origin.thread_ts,
    )
    return is_here


def _stamp(context: BotContext) -> int:
    """Return a timestamp that makes a repeated notice a distinct outbox key."""
    return int(context.clock().timestamp() * 1000)
