"""The service with all below it, and whole studies in it; imports no other people's libraries."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.runtime.processes import start_children
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from optimizer.domain.study_request import StudySpec
from optimizer.storage.documents import OptimizationStudy


@asynccontextmanager
async def desk_in(home: Path, *, n_workers: int) -> AsyncIterator[Services]:
    """The service with everything below it, without Slack: embedded MongoDB and warm worker processes."""
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": home, "OPTIMIZE_BOT_WORKERS": n_workers})
    async with start_children(settings) as children, open_services(settings, children) as services:
        await services.jobs.start()
        await services.pool.ready()
        yield services


async def submitted(services: Services, spec: StudySpec) -> str:
    """A study planned, stored and handed to the scheduler."""
    study = await services.studies.create_study(spec, created_by="benchmark")
    await services.jobs.submit(study.study_name)
    return study.study_name


async def finished(services: Services, names: Sequence[str]) -> list[OptimizationStudy]:
    """The studies, once all of them have ended well."""
    done: list[OptimizationStudy] = []
    for name in names:
        while not (study := await services.studies.find(name)).status.is_finished:
            await asyncio.sleep(0.1)
        assert study.summary is not None, study.failure
        done.append(study)
    return done
