"""What becomes of a study when a worker ends under it: it is run again, and the third time it fails."""

import logging
from collections.abc import Mapping
from typing import Any

from optimizer.clock import utc_now
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import settle_for
from optimizer.studies.own_studies import hanging_of, loss_of

log = logging.getLogger(__name__)

#: Times that a study is given to another worker after its worker died.
MAX_DEATHS = 3


async def record_death(study: OptimizationStudy, pool: str, *, hung: bool = False) -> None:
    """Count the end of a worker of this pool under a study, which fails if it hung, or the third time."""
    deaths = study.deaths + 1
    await settle_for(pool, study.study_name, {"deaths": deaths}, deaths=study.deaths)
    if hung:
        await fail(study.study_name, pool, hanging_of(study.spec).as_document())
    elif deaths >= MAX_DEATHS:
        await fail_lost(study.study_name, pool)


async def fail_lost(study_name: str, pool: str) -> None:
    """Fail a study that has lost its workers too often, unless one of another pool runs it."""
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
    if study is not None and study.deaths >= MAX_DEATHS and not study.status.is_finished:
        await fail(study_name, pool, loss_of(study.spec, study_name, study.deaths).as_document())


async def fail(study_name: str, pool: str, error: Mapping[str, Any]) -> None:
    """End a study with the document of an error, unless a worker of another pool runs it."""
    fields = {"status": StudyState.FAILED, "failure": dict(error), "completed_at": utc_now()}
    if await settle_for(pool, study_name, fields):
        log.warning("study_failed study=%s kind=%s", study_name, error["kind"])
