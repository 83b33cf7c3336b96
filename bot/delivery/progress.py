"""Progress of a study: read once, or again after each batch of trials until it has ended.

Progress is read from the documents, so it does not matter which process computes. The callers choose
the transport.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from bot.delivery.facts import study_facts
from bot.runtime.services import Services
from optimizer.domain.study_results import StudyState, TrialRecord, Verdict
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import EVERY, Query, glance
from reports.facts import StudyFacts

#: Newest trials returned with the progress.
RECENT = 10
#: Workers write a batch of trials at most this often.
POLL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of a study with its newest trials. Read often, so without its summary."""

    facts: StudyFacts
    recent: tuple[TrialRecord, ...]  # the newest first
    verdict: Verdict | None = None

    @property
    def has_ended(self) -> bool:
        """True if nothing more will come unless someone resumes it."""
        return self.facts.status.is_finished

    @property
    def sign(self) -> tuple[object, ...]:
        """Values whose change is worth showing."""
        facts = self.facts
        waits = (facts.queue_position, facts.engine)
        return facts.status, facts.trials_completed, facts.is_validating, waits, facts.training


async def read_progress(services: Services, word: str, among: Query = EVERY) -> Progress:
    """Read the progress of the study of `among` that a word names; raises UnknownStudy."""
    study, verdict = await glance(word, among) or await _find(word, services, among)
    recent = await services.studies.latest_trials(study.study_name, RECENT)
    position, engine = await _queue_position(study, services), services.pool.loading
    facts = study_facts(study, now=services.clock(), queue_position=position, engine=engine)
    return Progress(facts=facts, verdict=verdict, recent=tuple(recent))


async def follow(services: Services, word: str) -> AsyncIterator[Progress]:
    """Yield the progress now, then after each batch of trials or change of state; ends with study or bot.

    A paused study is still followed. An outage of MongoDB is waited out; raises UnknownStudy at the first read.
    """
    progress = await read_progress(services, word)
    yield progress
    while not progress.has_ended and not services.closing.is_set():
        await asyncio.sleep(POLL_SECONDS)
        before = progress
        progress = await patiently(partial(read_progress, services, progress.facts.study_name), what="progress")
        if progress.sign != before.sign:
            yield progress


async def _find(word: str, services: Services, among: Query) -> tuple[OptimizationStudy, Verdict | None]:
    """Return the study that the beginning of its name identifies. Raises UnknownStudy."""
    found = await glance((await services.studies.find(word, among=among)).study_name)
    assert found is not None, "studies are never deleted"
    return found


async def _queue_position(study: OptimizationStudy, services: Services) -> int | None:
    """Return 1 for the study that is next, None for one that does not wait."""
    if study.status is not StudyState.QUEUED:
        return None
    waiting = [s.study_name for s in await services.studies.unfinished() if s.status is StudyState.QUEUED]
    return waiting.index(study.study_name) + 1 if study.study_name in waiting else None
