"""Replays that people request: stored until they are answered, so that each is answered exactly once.

A replay takes as long as the study did. A bot that is stopped or killed meanwhile finds the request again when it
starts; the answer's outbox key is the request's own, so a kill between storing the answer and deleting the request
posts nothing twice.
"""

from bot.delivery.outbox import Outbox
from bot.delivery.thread import Conversations
from bot.documents.conversations import ReplayRequest
from bot.documents.current_workspace import in_workspace, workspace
from bot.origin import Origin
from bot.runtime.background import BackgroundTasks
from optimizer.clock import Clock
from optimizer.errors import Phrase, Unavailable, UserError
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.studies.code_version import code_version
from optimizer.studies.own_studies import changed_file
from optimizer.studies.service import OptimizationService
from reports.render import Renderer, renderer_of
from reports.text.message import Message

#: A request is given up after the bot ended this often during it: it may be the cause.
MAX_ATTEMPTS = 3


class ReplayRequests:
    """Stores requested replays, runs them in the background, and posts the results."""

    def __init__(
        self,
        *,
        service: OptimizationService,
        conversations: Conversations,
        outbox: Outbox,
        background: BackgroundTasks,
        clock: Clock,
    ) -> None:
        self._service = service
        self._conversations = conversations
        self._outbox = outbox
        self._background = background
        self._clock = clock

    async def add(self, study: OptimizationStudy, origin: Origin) -> None:
        """Store the request and start it; the answer goes to the study's thread, or to where it was requested."""
        request = ReplayRequest(
            study_name=study.study_name,
            code_version=study.code_version,
            channel_id=origin.channel_id,
            team=workspace(),
            thread_ts=origin.thread_ts,
            language=origin.public_language,
            asked_at=self._clock(),
        )
        await request.insert()
        self._background.run(self._carry_out(request))

    async def recover(self) -> int:
        """Start again what an earlier run left; returns how many requests."""
        requests = await ReplayRequest.find_all().sort("asked_at").to_list()
        for request in requests:
            with in_workspace(request.team):
                self._background.run(self._carry_out(request))
        return len(requests)

    async def _carry_out(self, request: ReplayRequest) -> None:
        """Replay, store the answer, delete the request; waits out an outage of MongoDB."""
        request.attempts += 1
        await patiently(lambda: request.set({"attempts": request.attempts}), what="replay")
        answer = await patiently(lambda: self._answer(request), what="replay")
        await patiently(lambda: self._post(request, answer), what="replay")
        await patiently(request.delete, what="replay")

    async def _answer(self, request: ReplayRequest) -> Message:
        conversation = await self._conversations.find(request.study_name)
        words = renderer_of(conversation.language if conversation else request.language)
        try:
            if request.attempts > MAX_ATTEMPTS:
                raise Unavailable(what=Phrase("the_replay"), reason=Phrase("bot_ended"), remedy=Phrase("try_again"))
            return await replay_message(self._service, request.study_name, request.code_version, words)
        except UserError as error:
            return words.refusal(error)

    async def _post(self, request: ReplayRequest, answer: Message) -> None:
        """Post under the study's root, or where the replay was requested when the study has no thread."""
        conversation = await self._conversations.find(request.study_name)
        await self._outbox.post(
            f"{request.study_name}:replay-{request.id}",
            request.study_name if conversation else f"replays:{request.channel_id}",
            conversation.channel_id if conversation else request.channel_id,
            answer,
            team=conversation.team if conversation else request.team,
            under=f"{request.study_name}:root" if conversation else "",
            thread_ts="" if conversation else request.thread_ts,
        )


async def replay_message(service: OptimizationService, name: str, version: str, words: Renderer) -> Message:
    """Replay a study of a version of the program, and word the outcome."""
    replayed = await service.replay(name)
    found, changed = replayed.difference, changed_file(await service.find(name))
    if found is None:
        return words.notice("replay_equal", study_name=name, n_trials=replayed.n_trials, changed_file=changed)
    return words.notice(
        "replay_differs",
        study_name=name,
        field=found.field,
        was=found.was,
        now=found.now,
        is_same_version=version == code_version(),
        version=version,
        changed_file=changed,
    )
