"""The end of a study is told when its worker says so; what polls the documents is the net below.

The worker's word is only the occasion: what is told is read from MongoDB, as it would be at the next look.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from bot.delivery.groups import Groups
from bot.delivery.thread import Conversations
from bot.documents.current_workspace import in_workspace
from bot.origin import StudyOrigin
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.studies.service import OptimizationService


def run_and_tell(
    service: OptimizationService,
    conversations: Conversations,
    groups: Groups,
    may_serve: Callable[[], bool],
    *,
    keep: Callable[[OptimizationStudy], Awaitable[None]],
) -> Callable[[str], Awaitable[None]]:
    """Return what runs a study by its name, posts its end and keeps its forecasts, the latter two with the lease."""

    async def tell(study: OptimizationStudy) -> None:
        with in_workspace(study.team):
            await conversations.tell_end(study)
            if group := StudyOrigin.of(study).group:
                await groups.tell_end(group)

    async def run(study_name: str) -> None:
        study = await service.run_study(study_name)
        if may_serve():
            await patiently(partial(tell, study), what="conversations")
            await patiently(partial(keep, study), what="forecasts")

    return run
