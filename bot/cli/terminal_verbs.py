"""The verbs of `/optimize` in a terminal: the same grammar, listeners and sentences.

What listeners post where a command was typed is printed. What they post in the thread of a study of Slack's is
stored, and sent by the bot at its next start. A study that goes on is followed here to its end.
"""

import argparse
import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.access.local import LocalPeople, local_user
from bot.cli.command_line import PROGRAM, command_text
from bot.cli.composition import make_context, make_scheduled_runs
from bot.cli.run import TerminalConversation
from bot.cli.screen import Screen
from bot.commands.button_commands import AdoptNow
from bot.context import Answer, BotContext
from bot.delivery.facts import study_facts
from bot.delivery.outbox import Outbox
from bot.delivery.replay_requests import replay_message
from bot.documents.conversations import Method, OutboxEntry
from bot.documents.recurring import RunState, ScheduleRun
from bot.grammar.commands import (
    Adopt,
    Cancel,
    Command,
    Config,
    Export,
    ListForecasts,
    More,
    Mute,
    Pause,
    Preferences,
    Replay,
    Resume,
    RunSchedule,
    ShowData,
    Unmute,
)
from bot.grammar.parsing import parse
from bot.grammar.verbs import verb_of
from bot.origin import Attachment, Origin
from bot.runtime.processes import ChildProcesses
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from bot.runtime.slack_client import NoSlack
from bot.schedules.forecast_scoring import ForecastScoring
from bot.slack.attachments import UnreadableAttachment
from bot.slack.dispatcher import CommandRequest, Dispatcher
from optimizer.errors import BadValue, Phrase
from optimizer.lazy import LazyModule
from reports.render import renderer_of
from reports.text.message import Message

if TYPE_CHECKING:
    from bot.cli import json_answers
else:
    # The API's documents, for `--json` only.
    json_answers = LazyModule("bot.cli.json_answers")

DOOR = "terminal"
_TICK_SECONDS = 0.2


class ChannelSetting(BadValue):
    """Raised for a setting of a channel. Facts: word."""


class AboutSlack(BadValue):
    """Raised for a verb about messages in Slack. Facts: word."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Carry out one command of the grammar; returns the exit code."""
    assert children is not None, "the command line starts them for these verbs"
    command = read_command(options)
    screen = Screen(as_json=options.json)
    async with open_services(settings, children) as services:
        await services.jobs.open()
        return await carry_out(command, options, services, screen)


def read_command(options: argparse.Namespace) -> Command:
    """Read the words of a verb. Raises UserError for what cannot be read, or is about messages in Slack."""
    return _for_terminal(parse(command_text(options), prefix=PROGRAM))


async def carry_out(
    command: Command, options: argparse.Namespace, services: Services, screen: Screen, **shared: Any
) -> int:
    """Carry out a command, as the person at this machine; `shared` are fields of the context of a bot around it."""
    folder = Path(getattr(options, "out", None) or ".")
    outbox = TerminalOutbox(screen, folder, services)
    context = make_context(services, NoSlack(), outbox, LocalPeople(services.settings.language))
    context = replace(context, **shared)
    try:
        if isinstance(command, ListForecasts):  # no bot need ever run here that scores them by itself
            await ForecastScoring(services).score()
        attachment = _attachment(getattr(options, "file", None))
        answer = await _dispatch(command, command_text(options), context, attachment)
        screen.show(answer.message)
        if isinstance(command, Resume | More):
            return await _finish(command, options, context, screen)
        document = await _document(command, answer, context, outbox, as_json=options.json)
        screen.write(document)
    finally:
        await context.background.stop()
    return 1 if _is_blocked(command, answer) else 0


async def _document(
    command: Command, answer: Answer, context: BotContext, outbox: "TerminalOutbox", *, as_json: bool
) -> Mapping[str, object]:
    """Return the answer as one document, once everything that the command began has ended."""
    match command:
        case RunSchedule(name):
            return {"runs": await _run_schedule(name, context, outbox)}
        case Export():
            return {"files": [str(path) for path in outbox.files]}
        case _ if not as_json:
            return {}
        case _:
            return await json_answers.document_of(command, answer, context)


def _is_blocked(command: Command, answer: Answer) -> bool:
    """Check whether the bars of a symbol that was looked at stop a study."""
    is_check = isinstance(command, ShowData) and command.symbol is not None
    return is_check and answer.message.facts["report"].is_blocking


def _for_terminal(command: Command) -> Command:
    """Return what a command means here; raises ChannelSetting, or AboutSlack for what is about messages there."""
    match command:
        case Adopt(study, why):  # the button that confirms it is Slack's
            return AdoptNow(study, why)
        case Config(key) if key is not None and not key.startswith("@"):
            raise ChannelSetting(word=key)
        case Mute() | Unmute():
            raise AboutSlack(word=verb_of(command).key)
        case Preferences("mute" | "dm"):
            raise AboutSlack(word=f"preferences {command.key}")
        case _:
            return command


def _attachment(path: str | None) -> Attachment | None:
    return Attachment(name=path, read=partial(_read_text, path)) if path else None


async def _read_text(path: str) -> str:
    try:
        return await asyncio.to_thread(Path(path).read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        reason = "file_not_text" if isinstance(failure, UnicodeDecodeError) else "file_not_there"
        raise UnreadableAttachment(file=path, reason=Phrase(reason)) from None


async def _dispatch(command: Command, text: str, context: BotContext, attachment: Attachment | None) -> Answer:
    """Carry out a command as the person at this machine; raises the UserError of a refusal."""
    request = CommandRequest(
        door=DOOR, channel_id="", user_id=local_user(), text=text, attachment=attachment, command=command
    )
    answer = await TerminalDispatcher(context).dispatch(request)
    if answer.error is not None:
        raise answer.error
    return answer


class TerminalDispatcher(Dispatcher):
    """Dispatcher that answers at once what Slack answers later, in a thread."""

    async def authorize_and_run(self, command: Command, origin: Origin) -> Answer:
        """Run a command; a replay is awaited, and a study that no process runs stops at once."""
        if isinstance(command, Replay):
            service = self._context.services.studies
            study = await service.get_study_results(command.study)
            message = await replay_message(service, study.study_name, study.code_version, origin.renderer)
            return Answer(message)
        answer = await super().authorize_and_run(command, origin)
        services = self._context.services
        # Else the bot, or another machine, may run the study.
        is_ours = services.settings.mongodb_address is None and not services.jobs.is_running
        return await self._stop(command, origin) if isinstance(command, Cancel | Pause) and is_ours else answer

    async def _stop(self, command: Cancel | Pause, origin: Origin) -> Answer:
        """Carry out what was requested of a study that a stop of the program interrupted."""
        service = self._context.services.studies
        study = await service.run_study((await service.find(command.study)).study_name)
        return Answer(origin.renderer.status(study_facts(study, now=self._context.clock())))


class TerminalOutbox(Outbox):
    """Outbox that prints what is posted without a channel, and writes files into a folder."""

    def __init__(self, screen: Screen, folder: Path, services: Services) -> None:
        super().__init__(NoSlack(), clock=services.clock)
        self._screen = screen
        self._folder = folder
        self.files: list[Path] = []
        self._renderer = renderer_of(services.settings.language)

    async def put(self, entries: Sequence[OutboxEntry]) -> None:
        """Print or write the entries without a channel, and store the others for Slack."""
        for entry in entries:
            if not entry.channel_id and entry.method is Method.UPLOAD:
                path = await asyncio.to_thread(_copy, Path(entry.file), self._folder)
                self._screen.show(self._renderer.notice("written", path=str(path)))
                self.files.append(path)
            elif not entry.channel_id:
                self._screen.show(Message(entry.text, entry.blocks))
        await super().put(entries)

    async def show_stored(self, key: str) -> None:
        """Print an entry that is stored for Slack."""
        for entry in await OutboxEntry.find(OutboxEntry.key == key).to_list():
            self._screen.show(Message(entry.text, entry.blocks))


def _copy(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(file, folder)).resolve()


async def _finish(command: Resume | More, options: argparse.Namespace, context: BotContext, screen: Screen) -> int:
    """Follow a study that goes on, to its result."""
    study = await context.services.studies.find(command.study)
    folder = Path(options.out) if options.out else None
    conversation = TerminalConversation(context.services, screen, folder)
    document = await conversation.finish(study)
    screen.write(document)
    return 0 if document else 1


async def _run_schedule(name: str, context: BotContext, outbox: TerminalOutbox) -> list[dict[str, Any]]:
    """Advance the runs that were just claimed, show what they post in a channel of Slack, and return them."""
    schedule = await context.schedules.find(name)
    query = {"schedule_name": schedule.schedule_name, "state": {"$ne": str(RunState.TOLD)}}
    runs, scheduled = await ScheduleRun.find(query).to_list(), make_scheduled_runs(context)
    while await ScheduleRun.find(query).count():
        await asyncio.sleep(_TICK_SECONDS)
        if context.services.jobs.is_running:  # the bot advances them
            continue
        await scheduled.tick()
        for run in await ScheduleRun.find(query, {"state": str(RunState.SEARCHING)}).to_list():
            await context.services.studies.run_study(run.study_name)
    for run in runs:
        await outbox.show_stored(f"{run.key}:post")
        await run.sync()
    return [run.model_dump(mode="json", exclude={"id", "revision_id"}) for run in runs]
