"""A study as it goes when nothing disturbs it: the reference for bots that are killed."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import DOCUMENTS, OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of
from optimizer.storage.embedded_mongo import find_mongod, start_mongod
from optimizer.storage.leases import Claimant
from optimizer.storage.mongo import kept_ready, open_documents
from optimizer.studies.study_runs import run_study
from optimizer.supervisor import Supervisor

#: Of each trial its number, its parameters, its value and its trades.
Table = list[tuple[Any, ...]]


def row_of(trial: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must not differ of a stored trial."""
    return trial["trial_number"], tuple(sorted(trial["params"].items())), trial["value"], trial["n_trades"]


async def run_undisturbed(study: Mapping[str, Any], home: Path) -> Table:
    """Run a bot's stored study once more from its beginning, in this process and in the database bound to it."""
    afresh = {
        "status": str(StudyState.QUEUED),
        "summary": None,
        "trials_completed": 0,
        "completed_at": None,
        "lease": None,
    }
    await collection_of(OptimizationStudy).insert_one({**study, **afresh})
    assert await run_study(study["study_name"], home / "snapshots", Claimant(pool="undisturbed")) is StudyState.COMPLETE
    trials = collection_of(OptimizationTrial).find({"study": study["study_name"]}).sort("trial_number", 1)
    return [row_of(trial) async for trial in trials]


async def run_all_undisturbed(studies: Iterable[Mapping[str, Any]], home: Path) -> dict[int, Table]:
    """Run several studies so, one after the other; returns their trials by the studies' seeds."""
    return {study["spec"]["seed"]: await run_undisturbed(study, home) for study in studies}


@asynccontextmanager
async def own_documents(folder: Path) -> AsyncIterator[None]:
    """The studies' documents, bound to a server of their own: for programs, where no fixture has bound them."""
    async with (
        kept_ready(start_mongod(find_mongod(os.environ), folder), Supervisor()) as uri,
        open_documents(uri, DOCUMENTS),
    ):
        yield
