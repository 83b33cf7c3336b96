"""Replays that were asked for: stored until they are answered, so that each is answered exactly once.

A replay takes as long as the study did. A bot that is stopped or killed meanwhile finds the request again when it
starts; the answer's key in the outbox is the request's own, so a kill between storing the answer and forgetting the
request tells nothing twice.
"""

from bot.context import Office
from bot.delivery.outbox import post
from bot.documents.conversations import ReplayRequest
from bot.origin import Place
from optimizer.errors import Unavailable, UserError
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.studies.service import Replayed, code_version
from reports.render import Renderer, renderer_of
from reports.text.message import Message

#: A request is given up when the bot ended so often while it was under way: it may be what ends it.
MAX_ATTEMPTS = 3


async def ask(study: OptimizationStudy, place: Place, office: Office) -> None:
    """Store the request and begin; the study's thread learns what came of it, or the asker where it has none."""
    request = ReplayRequest(
        study_name=study.study_name,
        code_version=study.code_version,
        channel_id=place.channel_id,
        thread_ts=place.thread_ts,
        language=place.public_language,
        asked_at=office.clock(),
    )
    await request.insert()
    office.errands.run(_carry_out(request, office))


async def recover(office: Office) -> int:
    """Begin again what an earlier run left; returns how many requests."""
    requests = await ReplayRequest.find_all().sort("asked_at").to_list()
    for request in requests:
        office.errands.run(_carry_out(request, office))
    return len(requests)


async def _carry_out(request: ReplayRequest, office: Office) -> None:
    """Replay, store the answer, forget the request; an outage of MongoDB is waited out."""
    request.attempts += 1
    await patiently(lambda: request.set({"attempts": request.attempts}), what="replay")
    answer = await patiently(lambda: _answer(request, office), what="replay")
    await patiently(lambda: _tell(request, answer, office), what="replay")
    await patiently(request.delete, what="replay")


async def _answer(request: ReplayRequest, office: Office) -> Message:
    conversation = await office.conversations.of(request.study_name)
    words = renderer_of(conversation.language if conversation else request.language)
    try:
        if request.attempts > MAX_ATTEMPTS:
            raise Unavailable(what="The replay", reason="the bot ended while it ran", remedy="Try again.")
        return _worded(request, await office.desk.service.replay(request.study_name), words)
    except UserError as error:
        return words.refusal(error)


def _worded(request: ReplayRequest, replayed: Replayed, words: Renderer) -> Message:
    name, found = request.study_name, replayed.difference
    if found is None:
        return words.notice("replay_equal", study_name=name, n_trials=replayed.n_trials)
    return words.notice(
        "replay_differs",
        study_name=name,
        field=found.field,
        was=found.was,
        now=found.now,
        is_same_version=request.code_version == code_version(),
        version=request.code_version,
    )


async def _tell(request: ReplayRequest, answer: Message, office: Office) -> None:
    """Under the study's root, or where it was asked for when the study has no thread."""
    conversation = await office.conversations.of(request.study_name)
    entry = post(
        f"{request.study_name}:replay-{request.id}",
        request.study_name if conversation else f"replays:{request.channel_id}",
        conversation.channel_id if conversation else request.channel_id,
        text=answer.text,
        blocks=answer.blocks,
        now=office.clock(),
        under=f"{request.study_name}:root" if conversation else "",
        thread_ts="" if conversation else request.thread_ts,
    )
    await office.outbox.put([entry])
