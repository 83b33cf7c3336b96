"""What several listeners do: find a study one may change, and say something in a study's thread."""

from bot.access.roster import NotYours
from bot.context import Office
from bot.delivery.outbox import post
from bot.documents.conversations import Conversation, Method
from bot.origin import Place
from bot.role import Role
from optimizer.storage.documents import OptimizationStudy
from reports.render import renderer_of
from reports.text.message import Message


async def own_study(word: str, place: Place, office: Office) -> OptimizationStudy:
    """The study, if the asker started it or is an approver; raises UnknownStudy and NotYours."""
    study = await office.desk.service.find(word)
    if study.created_by != place.user_id and place.role < Role.APPROVER:
        raise NotYours(study=study.study_name, owner=study.created_by)
    return study


async def tell_thread(office: Office, study_name: str, notice: str, /, **facts: object) -> bool:
    """Say one sentence in a study's thread, in its language; False where it has none."""
    conversation = await office.conversations.of(study_name)
    if conversation is None:
        return False
    words = renderer_of(conversation.language).notice(notice, **facts)
    await say(office, conversation, f"{notice}-{_stamp(office)}", words)
    return True


async def say(office: Office, conversation: Conversation, part: str, message: Message) -> None:
    """Post a message under a study's root."""
    entry = post(
        f"{conversation.study_name}:{part}",
        conversation.study_name,
        conversation.channel_id,
        text=message.text,
        blocks=message.blocks,
        now=office.clock(),
        under=f"{conversation.study_name}:root",
    )
    await office.outbox.put([entry])


async def upload(office: Office, study_name: str, *, file: str, title: str, place: Place, alt_text: str = "") -> bool:
    """Put a file into the study's thread; where it has none here, to where it was asked for. True: into the thread."""
    conversation = await office.conversations.of(study_name)
    is_here = conversation is not None and conversation.channel_id == place.channel_id
    entry = post(
        f"{study_name}:file-{_stamp(office)}",
        study_name if is_here else f"files:{place.channel_id}",
        place.channel_id,
        text=title,
        blocks=[],
        now=office.clock(),
        method=Method.UPLOAD,
        file=file,
        title=title,
        alt_text=alt_text,
        under=f"{study_name}:root" if is_here else "",
        thread_ts="" if is_here else place.thread_ts,
    )
    await office.outbox.put([entry])
    return is_here


def _stamp(office: Office) -> int:
    """Makes what may be said again another thing to say."""
    return int(office.clock().timestamp() * 1000)
