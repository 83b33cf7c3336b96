"""One command from its words to its charts through the real worker, and everything that is wrong with its answer."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from bot.delivery.facts import plan_facts, study_facts
from bot.grammar.commands import Start
from bot.grammar.parsing import parse
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, StudySummary, TrialRecord, Tries
from optimizer.errors import UserError
from optimizer.market.feed import Market
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of
from optimizer.storage.embedded_mongo import find_mongod, start_mongod
from optimizer.storage.mongo import open_documents, wait_ready
from optimizer.studies.replay import first_difference
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from optimizer.validation.evidence import evidence_of
from optimizer.validation.verdict import judge
from reports.charts.draw import draw
from reports.facts import StudyFacts
from reports.json_document import json_document
from reports.render import LANGUAGES, renderer_of
from reports.sentences import all_keys
from tests.combinations.bars import NOW, Walks
from tests.reports.claims import contradictions
from tests.slack.blocks import check_message_blocks


@dataclass(kw_only=True)
class Outcome:
    """What came of one command."""

    command: str
    refusal: str = ""  # why the plan was refused
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Examiner:
    """Runs commands on the workers of one service."""

    service: OptimizationService
    folder: Path

    async def examine_all(self, commands: Sequence[str], *, draw_each: int) -> list[Outcome]:
        """Examine commands, those of one strategy in turn: the tries of its other studies count in a study's luck.

        Of every `draw_each` commands one is drawn, too.
        """
        found = sorted(enumerate(commands), key=lambda one: one[1].split()[1])
        groups = [list(group) for _, group in groupby(found, key=lambda one: one[1].split()[1])]
        outcomes = await asyncio.gather(*(self._in_turn(group, draw_each) for group in groups))
        return [outcome for group in outcomes for outcome in group]

    async def _in_turn(self, commands: Sequence[tuple[int, str]], draw_each: int) -> list[Outcome]:
        """Examine commands one after the other; every second one is replayed, the others are resumed."""
        return [
            await self.examine(command, is_drawn=number % draw_each == 0, is_replayed=number % 2 == 0)
            for number, command in commands
        ]

    async def examine(self, command: str, *, is_drawn: bool, is_replayed: bool) -> Outcome:
        """Plan, run, replay or resume, word, export and perhaps draw one command."""
        outcome = Outcome(command=command)
        try:
            start = parse(command)
            assert isinstance(start, Start)
            (spec,) = start.over({})
            plan = await self.service.plan(spec)
        except UserError as error:
            outcome.refusal = f"{type(error).__name__}: {error}"
            return outcome
        for language in LANGUAGES:
            renderer_of(language).plan(spec, plan_facts(plan), command=command)
        study = await self.service.store(plan, created_by=spec.strategy_name)
        outcome.faults += await self._faults(study.study_name, spec, is_drawn=is_drawn, is_replayed=is_replayed)
        return outcome

    async def _faults(self, name: str, spec: StudySpec, *, is_drawn: bool, is_replayed: bool) -> list[str]:
        study = await self.service.run_study(name)
        if study.status is not StudyState.COMPLETE:
            return [f"ended {study.status}: {study.failure}"]
        trials = await self.service.get_trials(name)
        facts = study_facts(study, now=NOW, command="/optimize")
        return [
            *(["a failure is stored"] if study.failure else []),
            *(await self._replay_faults(name) if is_replayed else []),
            *wording_faults(facts),
            *export_faults(facts, trials),
            *(await asyncio.to_thread(drawing_faults, facts, trials, self.folder / name) if is_drawn else []),
            *([] if is_replayed else await self._resume_faults(study, trials)),
        ]

    async def _replay_faults(self, name: str) -> list[str]:
        answer = await self.service.replay(name)
        return [f"replay differs: {answer.difference}"] if answer.difference else []

    async def _resume_faults(self, study: OptimizationStudy, trials: Sequence[TrialRecord]) -> list[str]:
        """Put a study back to its middle, as after a kill, and let it go on."""
        name, kept, summary = study.study_name, len(trials) // 2, study.summary
        query = {"study": name, "trial_number": {"$gte": kept}}
        await collection_of(OptimizationTrial).delete_many(query)
        again = {"status": str(StudyState.QUEUED), "summary": None, "completed_at": None, "trials_completed": kept}
        await study.set(again)
        resumed = await self.service.run_study(name)
        if summary is None or resumed.summary is None:
            return [f"resumed, it ended {resumed.status}: {resumed.failure}"]
        difference = first_difference(list(trials), await self.service.get_trials(name))
        difference = difference or first_difference(*map(apart_from_others, (summary, resumed.summary)))
        return [f"resumed at {kept}, it differs: {difference}"] if difference else []


def apart_from_others(summary: StudySummary) -> StudySummary:
    """A summary without what follows from the tries of other studies, which go on while one is put back."""
    tests, luck = summary.significance, summary.luck
    alone = {"n_tried_ever": 0, "expected_max_sharpe": None, "deflated_sharpe_ratio": None}
    return summary.model_copy(
        update={
            "tries": Tries(),
            "luck": luck.model_copy(update={**alone, "skill": None, "n_bars_needed": None}),
            "significance": tests and tests.model_copy(update={"n_searches": 1, "p": 1.0, "confidence": 0.0}),
            **dict.fromkeys(("verdict", "suggestion", "case", "notes")),
        }
    )


def wording_faults(facts: StudyFacts) -> list[str]:
    """Sentences that contradict each other, and what Slack would refuse of the messages in any language."""
    assert facts.summary is not None
    evidence = evidence_of(facts.summary)
    return [
        *(f"{one} contradicts {other}" for one, other in contradictions(tuple(all_keys(evidence, judge(evidence))))),
    ] + [
        f"{language}: {flaw}"
        for language in LANGUAGES
        for message in (*renderer_of(language).result(facts), renderer_of(language).root(facts))
        for flaw in check_message_blocks(message.blocks)
    ]


def export_faults(facts: StudyFacts, trials: Sequence[TrialRecord]) -> list[str]:
    """What is missing in the JSON document; raises ValueError for a number that JSON does not have."""
    document = json.loads(json.dumps(json_document(facts, trials), allow_nan=False))
    faults = [] if len(document["trials"]) == len(trials) else ["the export lacks trials"]
    two = len(facts.spec.goals) > 1 and any(trial.is_feasible for trial in trials)
    return faults + (
        [] if (document["pareto"] is not None) == two else ["the export's Pareto set is not that asked for"]
    )


def drawing_faults(facts: StudyFacts, trials: Sequence[TrialRecord], folder: Path) -> list[str]:
    """What differs between two drawings of the same charts and report."""
    first = {name: (folder / name).read_bytes() for name in draw(facts, trials, "en", folder).files}
    second = {name: (folder / name).read_bytes() for name in draw(facts, trials, "en", folder).files}
    return [] if first == second else ["drawn again, it looks different"]


@asynccontextmanager
async def open_examiner(folder: Path, *, n_workers: int = 2) -> AsyncIterator[Examiner]:
    """Start MongoDB and the workers, and open a service on the walks."""
    async with AsyncExitStack() as stack:
        mongod = start_mongod(find_mongod(os.environ), folder / "mongo")
        stack.callback(mongod.stop)
        pool = WorkerPool(n_workers)
        stack.push_async_callback(pool.stop)
        await pool.prepare()
        await wait_ready(mongod)
        await stack.enter_async_context(open_documents(mongod.uri, DOCUMENTS))
        pool.configure(Configure(mongodb_uri=mongod.uri, snapshots=folder / "snapshots"))
        warehouse = stack.enter_context(Warehouse.open(folder / "market.duckdb", sources=("sample",)))
        market = Market(warehouse, (Walks(),), sources=("sample",))
        service = OptimizationService(market=market, pool=pool, snapshots=folder / "snapshots", clock=lambda: NOW)
        yield Examiner(service=service, folder=folder)
