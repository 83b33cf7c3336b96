"""Steps that several listeners share: find a study one may change, and post in a study's thread."""

from bot.access.roster import NotYours
from bot.context import BotContext
from bot.documents.conversations import Conversation, Method
from bot.origin import Origin
from bot.role import Role
from optimizer.storage.documents import OptimizationStudy
from reports.render import renderer_of
from reports.text.message import Message


async def own_study(word: str, origin: Origin, context: BotContext) -> OptimizationStudy:
    """Return the study if the user started it or is an approver; raises UnknownStudy and NotYours."""
    study = await context.services.studies.find(word)
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
