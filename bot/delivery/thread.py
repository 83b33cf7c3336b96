"""A study's conversation in Slack: a root message that counts up, and the result in its thread.

Progress is read from the documents, so it does not matter which process computes, or whether this one
has run from the beginning. Edits of the root are throttled and may be lost; everything else goes
through the outbox under a key of its own, so that a result cannot be posted twice.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.facts import study_facts
from bot.delivery.outbox import Outbox, post_entry
from bot.delivery.quiet_hours import Manner, manner_of
from bot.documents.conversations import Conversation, Method, OutboxEntry, Precedence, Telling
from bot.documents.current_workspace import in_workspace
from bot.origin import Door, StudyOrigin
from bot.runtime.chart_process import ChartProcess
from bot.runtime.slack_errors import TROUBLE, answer_of, field_of
from optimizer.clock import Clock, utc_now
from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import is_outage, patiently
from optimizer.storage.study_queries import without_charts
from optimizer.studies.service import OptimizationService
from optimizer.supervisor import Backoff, begin
from reports.charts.draw_request import DrawRequest
from reports.facts import StudyFacts
from reports.render import Renderer, renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Seconds between two reads of the documents.
TICK_SECONDS = 1.0
#: An edit is due when the study's age divided by this has passed since the last: fewer than 60 in half an hour.
_AGE_SHARE = 8.0
#: Longest that charts wait while studies wait for a worker.
_CHARTS_YIELD = timedelta(seconds=30)
#: A conversation with a fault is retried after one tick, two, four … and at last every five minutes.
_LONGEST_REST = 300.0
#: What a conversation has of its study's origin.
_OF_ORIGIN = {"channel_id", "user_id", "team_id", "language", "command", "group"} | {
    "is_quiet", "is_broadcast", "is_brief"
}  # fmt: skip


@dataclass(kw_only=True)
class _LastEdit:
    """Last edit of a root message."""

    at: float = 0.0
    done: object = None  # trials, the row that is trained, and how much of the engine is compiled
    state: str = ""


class Conversations:
    """Opens the threads of studies, follows them, and posts their results."""

    def __init__(
        self,
        *,
        service: OptimizationService,
        outbox: Outbox,
        client: AsyncWebClient,
        chart_process: ChartProcess,
        clock: Clock = utc_now,
        public_url: str = "",
    ) -> None:
        self._service = service
        self._outbox = outbox
        self._client = client
        self._chart_process = chart_process
        self._clock = clock
        self._public_url = public_url
        self._last_edits: dict[str, _LastEdit] = {}
        self._drawing: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._backoffs: dict[str, Backoff] = {}
        self._turns = WeakValueDictionary[str, asyncio.Lock]()  # of conversations that are being advanced

    async def open(self, study: OptimizationStudy) -> None:
        """Post the root message of a study at its origin, unless a table speaks for it; again, it changes nothing."""
        if not StudyOrigin.of(study).is_in_table:
            await self._open(study)

    async def _open(self, study: OptimizationStudy) -> Conversation:
        conversation = await self.find(study.study_name)
        if conversation is None:
            conversation = await _conversation_of(study).insert()
        root = renderer_of(conversation.language).root(self._facts(study, conversation))
        under = f"{conversation.group}:root" if conversation.group else ""
        thread_ts = StudyOrigin.of(study).thread_ts
        entry = self._post(conversation, "root", root, under=under, thread_ts=thread_ts)
        entry.precedence = Precedence.MEMBER if conversation.group else Precedence.ROOT
        await self._outbox.put([entry])
        return conversation

    async def recover(self) -> None:
        """Open the conversations of studies that were stored just before a crash."""
        for study in await self._service.unfinished():
            if StudyOrigin.of(study).door is Door.SLACK:
                await self.open(study)

    async def find(self, study_name: str) -> Conversation | None:
        """Return the conversation about a study."""
        return await Conversation.find_one(Conversation.study_name == study_name)

    async def link_to_details(self, study: OptimizationStudy) -> str:
        """Return the address of the further message of a result; empty where it is not posted yet."""
        return await self.link_to(study.study_name, f"end-{_end_key(study)}-1")

    async def link_to(self, study_name: str, part: str = "root") -> str:
        """Return the address of a study's root message, or of another part; empty where there is none yet."""
        entry = await OutboxEntry.find_one(OutboxEntry.key == f"{study_name}:{part}")
        if entry is None or not entry.ts:
            return ""
        try:
            asking = self._client.chat_getPermalink(channel=entry.channel_id, message_ts=entry.ts)
            return str(field_of(await answer_of(asking), "permalink"))
        except TROUBLE as failure:
            log.info("no_link study=%s error=%s", study_name, type(failure).__name__)  # its id is shown as well
            return ""

    async def find_by_thread(self, channel_id: str, thread_ts: str) -> str | None:
        """Return the study of a thread, else the last one started in it; None for a group's table."""
        roots = {"channel_id": channel_id, "key": {"$regex": "^opt-.*:root$"}}
        there = {"$or": [{"ts": thread_ts}, {"thread_ts": thread_ts}]}
        entry = await OutboxEntry.find({**roots, **there}).sort("-order").first_or_none()
        return entry.conversation if entry else None

    async def record_action(self, study_name: str, user_id: str) -> None:
        """Record who stopped, paused or resumed a study; its message shows it at the next tick.

        A study that only a table spoke for gets a conversation of its own.
        """
        conversation = await self.find(study_name)
        if conversation is None:
            study = await self._service.find(study_name)
            conversation = await self._open(study) if StudyOrigin.of(study).is_in_table else None
        if conversation is not None:
            following = {
                "acted_by": user_id,
                "acted_at": self._clock(),
                "telling": str(Telling.FOLLOWING),
                "ended_at": None,
            }
            await conversation.set(following)
            self._last_edits.pop(study_name, None)

    async def stop(self) -> None:
        """Stop drawing; undrawn charts are drawn after the next start."""
        drawing = list(self._drawing.values())
        for task in drawing:
            task.cancel()
        await asyncio.gather(*drawing, return_exceptions=True)

    async def tick(self) -> None:
        """Advance every open conversation that is due, waiting out an outage of MongoDB."""
        await patiently(self._advance_all, what="conversations")

    async def tell_end(self, study: OptimizationStudy) -> None:
        """Post the end of a study at once, if it is told here; a fault is left to the next tick, which tries again."""
        [end] = await asyncio.gather(self._tell_end(study), return_exceptions=True)
        if isinstance(end, Exception) and not is_outage(end):
            self._record_fault(study.study_name, end)

    async def _tell_end(self, study: OptimizationStudy) -> None:
        async with self._turn_of(study.study_name):
            conversation = await self.find(study.study_name)
            if conversation is None or conversation.telling is not Telling.FOLLOWING:
                return
            if study.status.is_finished:
                await self._next_stage(conversation, study, ())

    async def _advance_all(self) -> None:
        open_ones = await Conversation.find({"telling": {"$ne": str(Telling.TOLD)}}).to_list()
        open_ones = [c for c in open_ones if not self._is_drawing(c)]
        if not open_ones:
            return
        names = [conversation.study_name for conversation in open_ones]
        found = await without_charts({"study_name": {"$in": names}}, limit=len(names))
        studies = {study.study_name: study for study in found}
        waiting = [s.study_name for s in await self._service.unfinished() if s.status is StudyState.QUEUED]
        now = asyncio.get_running_loop().time()
        due = [c for c in open_ones if c.study_name in studies and self._is_due(c.study_name, now)]
        looks = [self._advance_there(c, studies[c.study_name], waiting) for c in due]
        # Concurrently: a conversation with a fault, or waiting for Slack, must not delay the others.
        ends = await asyncio.gather(*looks, return_exceptions=True)
        for conversation, end in zip(due, ends, strict=True):
            if isinstance(end, BaseException) and is_outage(end):
                raise end
            if isinstance(end, Exception):
                self._record_fault(conversation.study_name, end)
            elif not self._is_drawing(conversation):
                self._backoffs.pop(conversation.study_name, None)

    def _is_drawing(self, conversation: Conversation) -> bool:
        """Check whether a drawing task of this process is running."""
        return conversation.telling is Telling.DRAWING and conversation.study_name in self._drawing

    def _record_fault(self, study_name: str, fault: BaseException) -> None:
        log.error("conversation_broke reference=%s", secrets.token_hex(3), exc_info=fault)
        backoff = self._backoffs.setdefault(study_name, Backoff(first=TICK_SECONDS, longest=_LONGEST_REST))
        backoff.extend(asyncio.get_running_loop().time())

    def _is_due(self, study_name: str, now: float) -> bool:
        broken, turn = self._backoffs.get(study_name), self._turns.get(study_name)
        return (broken is None or now >= broken.until) and not (turn and turn.locked())

    async def _advance_there(self, conversation: Conversation, *facts: Any) -> None:
        with in_workspace(conversation.team):
            await self._advance(conversation, *facts)

    async def _advance(self, conversation: Conversation, study: OptimizationStudy, waiting: Sequence[str]) -> None:
        async with self._turn_of(study.study_name):
            await self._next_stage(conversation, study, waiting)

    def _turn_of(self, study_name: str) -> asyncio.Lock:
        """Return the lock of those who advance a conversation; it is gone when nobody does."""
        return self._turns.setdefault(study_name, asyncio.Lock())

    async def _next_stage(self, conversation: Conversation, study: OptimizationStudy, waiting: Sequence[str]) -> None:
        name = study.study_name
        if conversation.telling is Telling.DRAWING:
            if not (waiting and self._yields(conversation)):
                drawing = begin(patiently(partial(self._draw, conversation), what="charts"))
                drawing.add_done_callback(partial(self._finish_drawing, name))
                self._drawing[name] = drawing
        elif study.status.is_finished:
            manner = await manner_of(conversation, self._clock())
            if not manner.is_held:
                await self._post_end(conversation, study, manner)
            elif conversation.ended_at is None:
                await conversation.set({"ended_at": self._clock()})
        elif not conversation.is_quiet or study.status is StudyState.PAUSED:
            position = waiting.index(name) + 1 if name in waiting else None
            await self._show_progress(conversation, study, position)

    def _yields(self, conversation: Conversation) -> bool:
        """Check whether charts leave the processor to the studies that wait, which somebody waits for."""
        return conversation.ended_at is not None and self._clock() - conversation.ended_at < _CHARTS_YIELD

    async def _show_progress(self, conversation: Conversation, study: OptimizationStudy, position: int | None) -> None:
        shown = self._last_edits.setdefault(study.study_name, _LastEdit())
        now = asyncio.get_running_loop().time()
        age = (self._clock() - conversation.created_at).total_seconds()
        is_due = now - shown.at >= max(1.0, age / _AGE_SHARE) or study.status != shown.state
        engine = self._service.engine_loading if study.status is StudyState.QUEUED else None
        done = study.trials_completed, study.training, engine
        if not is_due or (shown.done, shown.state) == (done, str(study.status)):
            return
        root_ts = await self._outbox.ts_of(f"{study.study_name}:root")
        if not root_ts or not self._outbox.take_room(conversation.channel_id):
            return
        root = renderer_of(conversation.language).root(self._facts(study, conversation, position))
        shown.at, shown.done, shown.state = now, done, str(study.status)
        try:
            words: dict[str, Any] = {"text": root.text, "blocks": root.blocks}
            await answer_of(self._client.chat_update(channel=conversation.channel_id, ts=root_ts, **words))
        except TROUBLE as failure:
            # The next edit, or the final one from the outbox, shows the same and more.
            log.info("progress_not_shown study=%s error=%s", study.study_name, type(failure).__name__)

    async def _post_end(self, conversation: Conversation, study: OptimizationStudy, manner: Manner) -> None:
        """Store the first message of a study's end and the final root, then record that they are stored."""
        renderer, facts = renderer_of(conversation.language), self._facts(study, conversation)
        name, end_key = study.study_name, _end_key(study)
        # Resumed studies end again: their end is posted again, under another key.
        entries = [self._post(conversation, f"end-{end_key}-0", _end_message(renderer, facts), under=f"{name}:root")]
        if manner.is_muted:
            entries = []
        for entry in entries:
            entry.broadcast = manner.is_broadcast
        final = self._post(conversation, f"final-{end_key}", renderer.root(facts), under=f"{name}:root")
        final.method, final.precedence = Method.EDIT, Precedence.MEMBER
        await self._outbox.put([*entries, final])
        has_charts = study.status is StudyState.COMPLETE and not (conversation.group or manner.is_muted)
        ended_at = conversation.ended_at or self._clock()
        await advance_telling(conversation, Telling.DRAWING if has_charts else Telling.TOLD, ended_at=ended_at)
        self._last_edits.pop(name, None)

    async def post_details(self, study: OptimizationStudy, conversation: Conversation) -> bool:
        """Have all that follows the decision posted in the study's thread; returns False where it is already there."""
        end_key = _end_key(study)
        if not _is_brief(conversation, end_key):
            return False
        conversation.detailed_end = end_key
        await self._outbox.put(self._details(conversation, study))
        await conversation.set({"detailed_end": end_key, "telling": str(Telling.DRAWING)})
        return True

    def _details(self, conversation: Conversation, study: OptimizationStudy) -> list[OutboxEntry]:
        """Return the further message of a result, where it is posted."""
        end_key, name = _end_key(study), study.study_name
        if _is_brief(conversation, end_key):
            return []
        messages = renderer_of(conversation.language).details(self._facts(study, conversation))
        entries = [
            self._post(conversation, f"end-{end_key}-{i}", message, under=f"{name}:root")
            for i, message in enumerate(messages, 1)
        ]
        for entry in entries:
            entry.precedence = Precedence.REST
        return entries

    async def _draw(self, conversation: Conversation) -> None:
        """Draw and upload the charts after the text, the first of them before the details; a failure stops neither."""
        async with self._one_at_a_time:  # a study with its curves is large
            study = await self._service.find(conversation.study_name)
            facts = self._facts(study, conversation)
            charts: list[OutboxEntry] = []
            try:
                drawn = await self._chart_process.draw(DrawRequest(facts=facts, language=conversation.language))
                charts = [self._chart(conversation, facts, chart, _end_key(study)) for chart in drawn.for_thread]
            except (Unavailable, OSError) as failure:  # OSError: the disk is full
                log.warning("charts_not_drawn study=%s reason=%s", study.study_name, failure)
            others = [] if _is_brief(conversation, _end_key(study)) else charts[1:]
            await self._outbox.put([*charts[:1], *self._details(conversation, study), *others])
            await advance_telling(conversation, Telling.TOLD)

    def _finish_drawing(self, name: str, drawing: "asyncio.Task[None]") -> None:
        del self._drawing[name]
        if drawing.cancelled():
            return
        if (fault := drawing.exception()) is not None:
            self._record_fault(name, fault)
        else:
            self._backoffs.pop(name, None)

    def _facts(self, study: OptimizationStudy, conversation: Conversation, position: int | None = None) -> StudyFacts:
        return study_facts(
            study,
            now=self._clock(),
            conversation=conversation,
            queue_position=position,
            engine=self._service.engine_loading,
            public_url=self._public_url,
        )

    def _post(
        self, conversation: Conversation, part: str, message: Message, *, under: str = "", thread_ts: str = ""
    ) -> OutboxEntry:
        return post_entry(
            f"{conversation.study_name}:{part}",
            conversation.study_name,
            conversation.channel_id,
            text=message.text,
            blocks=message.blocks,
            now=self._clock(),
            team=conversation.team,
            under=under,
            thread_ts=thread_ts,
            precedence=Precedence.MEMBER if conversation.group else Precedence.ANSWER,
        )

    def _chart(self, conversation: Conversation, facts: StudyFacts, chart: Path, end_key: int) -> OutboxEntry:
        """Return a chart as Slack draws it, with its picture for a workspace that does not, or as the picture."""
        renderer = renderer_of(conversation.language)
        native = renderer.native_chart(chart.stem, facts)
        message = native or Message(text=chart.stem, blocks=[])
        entry = self._post(conversation, f"chart-{end_key}-{chart.stem}", message, under=f"{facts.study_name}:root")
        entry.method, entry.file = Method.POST if native else Method.UPLOAD, str(chart)
        entry.title, entry.alt_text = renderer.chart_words(chart.stem)
        entry.precedence = Precedence.REST
        return entry


async def advance_telling(conversation: Conversation, telling: Telling, **fields: datetime) -> None:
    """Advance a conversation, unless somebody acted on its study or asked for details meanwhile: it goes on then."""
    detailed_end = conversation.detailed_end or {"$in": [0, None]}  # earlier versions stored none
    as_it_was = {"_id": conversation.id, "acted_at": conversation.acted_at, "detailed_end": detailed_end}
    await collection_of(Conversation).update_one(as_it_was, {"$set": {"telling": str(telling), **fields}})


def _end_key(study: OptimizationStudy) -> int:
    """Return a key for this end of a study: one that is resumed, or given more trials, ends again."""
    return int((study.completed_at or study.created_at).timestamp())


def _conversation_of(study: OptimizationStudy) -> Conversation:
    fields = StudyOrigin.of(study).model_dump(include=_OF_ORIGIN)
    return Conversation(study_name=study.study_name, team=study.team, created_at=study.created_at, **fields)


def _end_message(renderer: Renderer, facts: StudyFacts) -> Message:
    match facts.status:
        case StudyState.COMPLETE:
            return renderer.decision(facts)
        case StudyState.FAILED:
            return renderer.failure(facts)
        case _:
            return renderer.cancelled(facts)


def _is_brief(conversation: Conversation, end_key: int) -> bool:
    """True while of this end only the decision and its chart are posted."""
    return conversation.is_brief and conversation.detailed_end != end_key
