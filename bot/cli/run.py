"""`optimize-bot run`: the same conversation as in Slack, in a terminal.

Lines for people go to stdout, or with `--json` to stderr, so that stdout holds one document only.
"""

import argparse
import asyncio
import getpass
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.delivery.facts import plan_facts, study_facts
from bot.grammar.commands import Start
from bot.grammar.formatting import command_text
from bot.grammar.parsing import parse
from bot.origin import Door, StudyOrigin
from bot.runtime.processes import ChildProcesses
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.errors import BadValue, Unavailable
from optimizer.storage.documents import OptimizationStudy
from reports.charts.draw_request import DrawRequest
from reports.facts import StudyFacts
from reports.json_document import json_document
from reports.render import Language, renderer_of
from reports.text.message import Message
from reports.text.terminal import WIDTH, terminal_text

PREFIX = "optimize-bot run"
_POLL_SECONDS = 0.05


class OnlyInSlack(BadValue):
    """Raised for a watch list, which belongs to a Slack workspace. Facts: word."""


class NotAStart(BadValue):
    """Raised for a command that starts no study."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Run one study to its end; returns the exit code."""
    assert children is not None, "the command line starts them for this verb"
    command = parse(" ".join(options.words), prefix=PREFIX)
    if not isinstance(command, Start):
        raise NotAStart
    console = Console(stderr=options.json, highlight=False)
    async with open_services(settings, children) as services:
        services.jobs.start()
        conversation = TerminalConversation(
            services, console, settings.language, Path(options.out) if options.out else None
        )
        return await conversation.run(command, as_json=options.json)


class TerminalConversation:
    """Conversation about one command in a terminal."""

    def __init__(self, services: Services, console: Console, language: Language, folder: Path | None) -> None:
        self._services = services
        self._console = console
        self._language = language
        self._renderer = renderer_of(language)
        self._user = getpass.getuser()
        self._folder = folder
        self._many = False

    async def run(self, command: Start, *, as_json: bool) -> int:
        """Run one study per symbol, one after the other, or one of all symbols; returns the exit code."""
        for name in command.watchlists:
            raise OnlyInSlack(word=f"@{name}")
        specs = command.over({})
        self._many = len(specs) > 1
        documents = [await self._run_one(spec, command) for spec in specs]
        if as_json and not command.is_dry:
            document = documents[0] if len(documents) == 1 else {"studies": documents}
            sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        return 0 if all(documents) or command.is_dry else 1

    async def _run_one(self, spec: StudySpec, command: Start) -> dict[str, Any]:
        """Plan, run, report; returns the study as a document, empty when it did not complete."""
        plan = await self._services.studies.plan(spec)
        if command.is_dry:
            self._print(self._renderer.plan(spec, plan_facts(plan), command=command_text(spec, prefix=PREFIX)))
            return {}
        self._print(self._renderer.render("terminal_plan", spec=spec, plan=plan_facts(plan)))
        study = await self._services.studies.store(
            plan,
            created_by=self._user,
            name=command.name,
            notes=command.note,
            origin=StudyOrigin(door=Door.TERMINAL).as_document(),
        )
        await self._wait_for_worker()
        self._services.jobs.submit(study.study_name)
        # Not before: the result comes first, and the charts follow it.
        await self._services.chart_process.warm()
        study = await self._follow(study)
        facts = study_facts(study, now=utc_now(), command=command_text(spec, prefix=PREFIX))
        if study.status is not StudyState.COMPLETE:
            self._print(self._renderer.failure(facts) if study.failure else self._renderer.cancelled(facts))
            return {}
        self._print(*self._renderer.result(facts))
        trials = await self._services.studies.get_trials(study.study_name)
        await self._write_files(facts)
        return json_document(facts, trials)

    async def _wait_for_worker(self) -> None:
        """Wait with a message: the first start of a version compiles the kernel."""
        with self._console.status(self._renderer.notice("warming").text):
            await self._services.pool.ready()

    async def _follow(self, study: OptimizationStudy) -> OptimizationStudy:
        with self._progress() as progress:
            bar = progress.add_task("", total=study.n_trials, best="")
            while not study.status.is_finished:
                await asyncio.sleep(_POLL_SECONDS)
                study = await self._services.studies.find(study.study_name)
                best = "" if study.best_value is None else f"best {study.best_value:.2f}"
                progress.update(bar, completed=study.trials_completed, best=best)
        return study

    def _progress(self) -> Progress:
        columns = (
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TimeRemainingColumn(),
        )
        return Progress(*columns, console=self._console, transient=not self._console.is_terminal)

    async def _write_files(self, facts: StudyFacts) -> None:
        try:
            drawn = await self._services.chart_process.draw(DrawRequest(facts=facts, language=self._language))
        except Unavailable as failure:
            self._print(self._renderer.refusal(failure))
            return
        folder = drawn.folder
        if self._folder is not None:
            folder = self._folder / facts.spec.symbol if self._many else self._folder
            await asyncio.to_thread(_copy, drawn.files, folder)
        self._print(self._renderer.notice("files", folder=folder, names=[path.name for path in drawn.files]))

    def _print(self, *messages: Message) -> None:
        width = min(self._console.width, WIDTH)
        self._console.print(terminal_text(messages, width), markup=False, end="\n\n")


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
