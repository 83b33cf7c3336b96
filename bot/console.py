"""`optimize-bot run`: the same conversation as in Slack, in a terminal.

Lines for people go to stdout, or with `--json` to stderr, so that stdout holds one document only.
"""

import argparse
import asyncio
import getpass
import json
import shutil
import sys
from pathlib import Path

from reports.document import json_document
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot.children import Children
from bot.composition import Desk, open_desk
from bot.facts import plan_facts, study_facts
from bot.grammar import command_text, parse
from bot.grammar.commands import Start
from bot.settings import Settings
from optimizer.documents import OptimizationStudy
from optimizer.errors import Unavailable, UserError
from optimizer.spec import StudyState
from optimizer.study import utc_now
from reports.message import Message
from reports.render import Language, renderer_of
from reports.summary import StudyFacts
from reports.terminal import WIDTH, terminal_text

PREFIX = "optimize-bot run"
_POLL_SECONDS = 0.05


class NotAStart(UserError):
    """`run` starts studies and nothing else."""

    sentence = "`run` starts a study: `optimize-bot run AAPL RSI 200`. `optimize-bot run --help` shows more."


async def run(options: argparse.Namespace, settings: Settings, children: Children) -> int:
    """Run one study to its end; returns the exit code."""
    command = parse(" ".join(options.words), prefix=PREFIX)
    if not isinstance(command, Start):
        raise NotAStart
    console = Console(stderr=options.json, highlight=False)
    async with open_desk(settings, children) as desk:
        talk = Talk(desk, console, settings.language, Path(options.out) if options.out else None)
        return await talk.run(command, as_json=options.json)


class Talk:
    """One study told in a terminal."""

    def __init__(self, desk: Desk, console: Console, language: Language, folder: Path | None) -> None:
        self._desk = desk
        self._console = console
        self._language = language
        self._renderer = renderer_of(language)
        self._user = getpass.getuser()
        self._folder = folder

    async def run(self, command: Start, *, as_json: bool) -> int:
        """Plan, progress, result, files; the exit code."""
        spec = command.specs[0]
        plan = await self._desk.service.plan(spec)
        self._tell(self._renderer.plan(spec, plan_facts(plan), command=command_text(spec, prefix=PREFIX)))
        if command.is_dry:
            return 0
        self._desk.jobs.start()
        study = await self._desk.service.store(
            plan, created_by=self._user, name=command.name, notes=command.note, origin={"door": "terminal"}
        )
        self._desk.jobs.submit(study.study_name)
        study = await self._follow(study)
        facts = study_facts(study, now=utc_now(), command=command_text(spec, prefix=PREFIX))
        if study.status is not StudyState.COMPLETE:
            self._tell(self._renderer.failure(facts) if study.failure else self._renderer.status(facts))
            return 1
        self._tell(*self._renderer.result(facts))
        await self._write_files(study, facts)
        if as_json:
            trials = await self._desk.service.get_trials(study.study_name)
            sys.stdout.write(json.dumps(json_document(facts, trials), allow_nan=False) + "\n")
        return 0

    async def _follow(self, study: OptimizationStudy) -> OptimizationStudy:
        with self._progress() as progress:
            bar = progress.add_task("", total=study.n_trials, best="")
            while not study.status.is_finished:
                await asyncio.sleep(_POLL_SECONDS)
                study = await self._desk.service.find(study.study_name)
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

    async def _write_files(self, study: OptimizationStudy, facts: StudyFacts) -> None:
        trials = await self._desk.service.get_trials(study.study_name)
        try:
            drawn = await self._desk.reporter.draw(facts, trials, self._language)
        except Unavailable as failure:
            self._tell(self._renderer.refusal(failure))
            return
        folder = drawn.folder
        if self._folder is not None:
            await asyncio.to_thread(shutil.copytree, folder, self._folder, dirs_exist_ok=True)
            folder = self._folder
        self._tell(self._renderer.notice("files", folder=folder, names=[path.name for path in drawn.files]))

    def _tell(self, *messages: Message) -> None:
        width = min(self._console.width, WIDTH)
        self._console.print(terminal_text(messages, width), markup=False, end="\n\n")
