"""`optimize-bot run`: the same conversation as in Slack, in a terminal."""

import argparse
import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.access.local import local_user
from bot.cli.command_line import PROGRAM, RUN, words_text
from bot.cli.screen import Screen
from bot.delivery.facts import plan_facts, study_facts
from bot.delivery.group_table import judge_together
from bot.delivery.rule_plans import facts_of
from bot.documents.saved_rules import saved_rules
from bot.grammar.commands import Start
from bot.grammar.formatting import command_text, start_text
from bot.grammar.parsing import parse
from bot.grammar.rules.typed import NO_RULES
from bot.origin import Door, StudyOrigin
from bot.runtime.processes import ChildProcesses
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from bot.schedules.universes import plan_selection, select
from optimizer.clock import utc_now
from optimizer.domain.study_request import StudyRule, StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.domain.universe import Universe, distinct
from optimizer.errors import BadValue, Unavailable, UnknownStrategy
from optimizer.lazy import LazyModule, load_modules
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import studies_named
from optimizer.studies.running.reaper import LOOK_SECONDS, Reaper
from optimizer.studies.service import Plan as StudyPlan
from optimizer.supervisor import begin, begin_alone
from optimizer.validation.statistics.across_symbols import AcrossSymbols
from reports.charts.draw_request import DrawRequest
from reports.facts import Plan, StudyFacts

if TYPE_CHECKING:
    from rich import progress, spinner

    from reports import json_document, render
    from reports.text import terminal
else:
    progress, spinner = LazyModule("rich.progress"), LazyModule("rich.spinner")
    json_document, render = LazyModule("reports.json_document"), LazyModule("reports.render")
    terminal = LazyModule("reports.text.terminal")

#: What words and shows a result: loaded while MongoDB starts, or else when it is needed.
WORDING = ("reports.render", "reports.text.terminal", "reports.json_document", "rich.progress", "rich.spinner")

_POLL_SECONDS = 0.05
#: Seconds between two looks whether a worker has a study, and how many of them.
_HANDING_SECONDS, _MOST_LOOKS = 0.005, 40
_UNDER_WAY = (StudyState.QUEUED, StudyState.RUNNING)


class OnlyInSlack(BadValue):
    """Raised for an option about posts in Slack. Facts: word."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Run one study to its end; returns the exit code."""
    assert children is not None, "the command line starts them for this verb"
    command = _parse_unless_saved(options)
    screen, folder = Screen(as_json=options.json), Path(options.out) if options.out else None
    loading = begin_alone(asyncio.to_thread(load_modules, *WORDING), name="wording")
    try:
        async with open_services(settings, children) as services:
            command = command or parse_run(options, await saved_rules())
            conversation = TerminalConversation(services, screen, folder)
            return await conversation.run(command)
    finally:
        loading.cancel()


def _parse_unless_saved(options: argparse.Namespace) -> Start | None:
    """Read the words after `run`; None where one that is no strategy may name a saved rule, which the database has."""
    try:
        return parse_run(options, NO_RULES)
    except UnknownStrategy:
        return None


def parse_run(options: argparse.Namespace, rules: Mapping[str, StudyRule]) -> Start:
    """Read the words after `run`; raises OnlyInSlack for what a terminal has no use for."""
    command = parse(f"start {words_text(options)}", prefix=PROGRAM, rules=rules)
    assert isinstance(command, Start), "the grammar reads this verb as nothing else"
    for flag, is_set in {"private": command.is_private, "quiet": command.is_quiet}.items():
        if is_set:
            raise OnlyInSlack(word=flag)
    return command


class TerminalConversation:
    """Conversation about studies that run here."""

    def __init__(self, services: Services, screen: Screen, folder: Path | None) -> None:
        self._services = services
        self._screen = screen
        self._folder = folder
        self._many = False

    @cached_property
    def _renderer(self) -> "render.Renderer":
        return render.renderer_of(self._services.settings.language)

    async def run(self, command: Start) -> int:
        """Run one study per symbol, one after the other, or one of all symbols; returns the exit code."""
        plans = await plan_selection(await select(command, self._services), self._services)
        self._many = len(plans) > 1
        universes = distinct(plan.universe for plan in plans)
        if universes and (self._many or not command.is_dry):  # the plan of one study alone has them
            self._screen.show(self._renderer.render("survivorship", universes=universes))
        if command.is_unconfirmed_rule:
            return await self._show_rule(command, plans)
        if command.is_dry:
            return self._show_plans(plans, universes)
        studies = [await self._run_one(plan, command, n_together=len(plans)) for plan in plans]
        return await self._report(studies, universes)

    async def _show_rule(self, command: Start, plans: Sequence[StudyPlan]) -> int:
        """Show a rule as it was understood, with the command that runs it."""
        facts = await facts_of(plans, self._renderer.language)
        typed = start_text(replace(command, is_confirmed=True), prefix=RUN)
        self._screen.show(self._renderer.render("terminal_rule", rule=facts, command=typed, name=command.name))
        spec = facts.spec
        assert spec.rule is not None, "a rule is shown"
        self._screen.write(
            {
                "rule": spec.rule.text,
                "confirm": typed,
                "plans": [_plan_document(plan.spec, plan_facts(plan)) for plan in plans],
            }
        )
        return 0

    def _show_plans(self, plans: Sequence[StudyPlan], universes: Sequence[Universe]) -> int:
        documents = []
        for plan in plans:
            facts = plan_facts(plan)
            self._screen.show(self._renderer.plan(plan.spec, facts, command=command_text(plan.spec, prefix=RUN)))
            documents.append(_plan_document(plan.spec, facts))
        self._screen.write({"plans": documents, **_universe_documents(universes)})
        return 0

    async def _report(self, documents: Sequence[dict[str, Any]], universes: Sequence[Universe]) -> int:
        """Judge several symbols together, and write everything as one document; returns the exit code."""
        if not all(documents):
            return 1
        if not self._many:
            self._screen.write(documents[0])
            return 0
        names = [document["study"]["name"] for document in documents]
        across = judge_together(await studies_named(names))
        assert across is not None, "all have ended"
        self._screen.show(self._renderer.render("across", across=across))
        judged = {"across_symbols": _across_document(across)}
        self._screen.write({"studies": documents, **judged, **_universe_documents(universes)})
        return 0

    async def _run_one(self, plan: StudyPlan, command: Start, *, n_together: int) -> dict[str, Any]:
        """Run, report; returns the study as a document, empty when it did not complete."""
        study = await self._services.studies.store(
            plan,
            created_by=local_user(),
            name=command.name,
            notes=command.note,
            origin=StudyOrigin(door=Door.TERMINAL).as_document(),
            n_together=n_together,
        )
        return await self.finish(study, begun=lambda: self._show_plan(plan))

    def _show_plan(self, plan: StudyPlan) -> None:
        self._screen.show(self._renderer.render("terminal_plan", spec=plan.spec, plan=plan_facts(plan)))

    async def finish(self, study: OptimizationStudy, *, begun: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Run a stored study to its end and report; returns it as a document, empty when it did not complete.

        `begun` is called when the worker has the study, or waits for it: what it shows is worded beside the search.
        """
        running = begin(self._run_to_end(study.study_name))
        try:
            await self._until_handed_over(study.study_name)
            begun()
            await self._wait_for_worker()
            # Not before: the result comes first, and the charts follow it.
            await self._services.chart_process.warm()
            study = await self._follow(study, running)
        finally:
            running.cancel()
        facts = study_facts(study, now=utc_now(), command=command_text(study.spec, prefix=RUN), prefix=PROGRAM)
        if study.status is not StudyState.COMPLETE:
            self._screen.show(self._renderer.failure(facts) if study.failure else self._renderer.cancelled(facts))
            return {}
        self._screen.show(*self._renderer.result(facts))
        trials = await self._services.studies.get_trials(study.study_name)
        await self._write_files(facts)
        return json_document.json_document(facts, trials)

    async def _run_to_end(self, study_name: str) -> None:
        """Run a study here; where the bot does that, hand it in and wait, so that it goes on when nobody waits."""
        jobs = self._services.jobs
        if jobs.is_running:
            self._screen.after_interrupt(self._renderer.notice("goes_on", study=study_name))
            await jobs.submit(study_name)
            while (await self._services.studies.find(study_name)).status in _UNDER_WAY:
                await asyncio.sleep(_POLL_SECONDS)
            return
        reaper = Reaper(self._services.pool.identity)  # a worker on another machine may have been quicker, and die
        async with self._services.supervisor.repeat("reaper", reaper.tick, every=LOOK_SECONDS):
            await self._services.studies.run_study(study_name)

    async def _until_handed_over(self, study_name: str) -> None:
        """Wait until a worker has the study, a fifth of a second at most; not at all where none is ready."""
        pool = self._services.pool
        for _ in range(_MOST_LOOKS if pool.n_ready else 0):
            if pool.is_busy_with(study_name):
                return
            await asyncio.sleep(_HANDING_SECONDS)

    async def _wait_for_worker(self) -> None:
        """Wait with a message: the first start of a version compiles the kernel."""
        pool = self._services.pool
        turning = spinner.Spinner("dots", terminal.terminal_text([self._renderer.notice("warming")]))
        with self._screen.changing(turning):
            while not await pool.is_ready(within=_POLL_SECONDS):
                if (loading := pool.loading) is not None:
                    words = self._renderer.notice("warming_part", n=loading[0], total=loading[1])
                    turning.update(text=terminal.terminal_text([words]))

    async def _follow(self, study: OptimizationStudy, running: "asyncio.Task[Any]") -> OptimizationStudy:
        """Show the progress until the study has ended; a fault of its run is raised."""
        with self._progress() as shown:
            bar = shown.add_task("", total=study.n_trials, best="")
            while not running.done():
                await asyncio.wait({running}, timeout=_POLL_SECONDS)
                study = await self._services.studies.find(study.study_name)
                best = "" if study.best_value is None else f"best {study.best_value:.2f}"
                shown.update(bar, completed=study.trials_completed, best=best)
        await running
        return await self._services.studies.find(study.study_name)

    def _progress(self) -> "progress.Progress":
        console = self._screen.console
        columns = (
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[best]}"),
            progress.TimeRemainingColumn(),
        )
        is_transient = not console.is_terminal
        # As in `Screen.changing`, the process's own output stays where it goes.
        return progress.Progress(
            *columns, console=console, transient=is_transient, redirect_stdout=False, redirect_stderr=False
        )

    async def _write_files(self, facts: StudyFacts) -> None:
        try:
            request = DrawRequest(facts=facts, language=self._services.settings.language)
            drawn = await self._services.chart_process.draw(request)
        except Unavailable as failure:
            self._screen.show(self._renderer.refusal(failure))
            return
        folder = drawn.folder
        if self._folder is not None:
            folder = self._folder / facts.spec.symbol if self._many else self._folder
            await asyncio.to_thread(_copy, drawn.files, folder)
        self._screen.show(self._renderer.notice("files", folder=folder, names=[path.name for path in drawn.files]))


def _universe_documents(universes: Sequence[Universe]) -> dict[str, Any]:
    """Return the watch lists that symbols were taken from, if there are any."""
    return {"universes": [universe.model_dump(mode="json") for universe in universes]} if universes else {}


def _across_document(across: AcrossSymbols) -> dict[str, Any]:
    return {
        "more_than_luck": list(across.more_than_luck),
        "best": across.best.symbol if across.best else None,
        "confidence": across.confidence,
        "p_values": {result.symbol: p for result, p in zip(across.results, across.p_values, strict=True)},
    }


def _plan_document(spec: StudySpec, plan: Plan) -> dict[str, Any]:
    return {
        "spec": spec.model_dump(mode="json"),
        "command": command_text(spec, prefix=RUN),
        "n_sets": plan.n_sets,
        "space_size": plan.space.size,
        "window": plan.window.model_dump(mode="json"),
        "seconds": plan.seconds,
        **({"regimes": plan.regimes.model_dump(mode="json")} if plan.regimes else {}),
    }


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
