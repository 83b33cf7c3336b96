"""Home tab: running and last studies, the best, schedules and champions; kept up to date.

It is published when someone opens it, and again when its content changes, for a day after the visit, every
few seconds at most.
"""

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.commands.schedule import ScheduleLine, schedule_line
from bot.context import BotContext
from bot.delivery.facts import study_facts
from bot.documents.audiences import has_hidden, seen_by
from bot.documents.current_workspace import in_workspace, workspace
from bot.documents.recurring import Champion
from bot.documents.sessions import HomeVisit
from bot.role import Role
from bot.runtime.slack_errors import TROUBLE, answer_of
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import Query
from reports.facts import StudyFacts
from reports.render import Language, renderer_of
from reports.text.message import Block

log = logging.getLogger(__name__)

#: Seconds between two updates of the tabs.
TICK_SECONDS = 4.0
#: Time after opening in which a tab is kept up to date.
UPDATED_FOR = timedelta(days=1)
#: Running studies, champions and schedules shown.
_SHOWN = 8
_LAST = 5


@dataclass(frozen=True, kw_only=True)
class HomeFacts:
    """Facts of a home tab."""

    running: list[StudyFacts]
    n_running: int
    finished: list[StudyFacts]
    best: list[StudyFacts]
    schedules: list[ScheduleLine]
    n_schedules: int
    champions: list[Champion]
    n_champions: int


class Home:
    """Publishes home tabs."""

    def __init__(self, context: BotContext) -> None:
        self._context = context
        self._published: dict[str, str] = {}  # what each person's tab shows, as a digest

    async def on_opened(self, event: dict[str, Any]) -> None:
        """Publish the tab (a listener of Bolt); opening the messages tab sends the same event."""
        if event.get("tab") == "home":
            await self.publish(event["user"])

    async def publish(self, user_id: str) -> None:
        """Record the visit and publish the person's tab."""
        person = await self._context.people.person(user_id)
        language = person.language or self._context.services.settings.language
        visit = {"user_id": user_id, "team": workspace(), "language": language, "opened_at": self._context.clock()}
        await HomeVisit.get_motor_collection().update_one({"user_id": user_id}, {"$set": visit}, upsert=True)
        await self._publish(user_id, language, {})

    async def tick(self) -> None:
        """Publish every tab whose content changed, waiting out an outage of MongoDB."""
        await patiently(self._publish_all, what="home")

    async def _publish_all(self) -> None:
        visits = await HomeVisit.find({"opened_at": {"$gte": self._context.clock() - UPDATED_FOR}}).to_list()
        collected: dict[str, HomeFacts] = {}
        for visit in visits:
            with in_workspace(visit.team):
                await self._publish(visit.user_id, visit.language, collected)

    async def facts(self, among: Query) -> HomeFacts:
        """Collect the facts of a tab from the studies and schedules of `among`."""
        service, now = self._context.services.studies, self._context.clock()
        running = await service.open_studies(among=among)
        ended = (StudyState.COMPLETE, StudyState.FAILED)
        finished = await service.list_studies(among=among, states=ended, limit=_LAST)
        best = await service.leaderboard(among=among, limit=_LAST)
        schedules, champions = await self._context.schedules.all(among), await self._context.champions.current()

        def facts_of(studies: list[OptimizationStudy]) -> list[StudyFacts]:
            return [study_facts(study, now=now) for study in studies]

        return HomeFacts(
            running=facts_of(running[:_SHOWN]),
            n_running=len(running),
            finished=facts_of(finished),
            best=facts_of(best),
            schedules=[await schedule_line(schedule, self._context) for schedule in schedules[:_SHOWN]],
            n_schedules=len(schedules),
            champions=champions[:_SHOWN],
            n_champions=len(champions),
        )

    async def _facts_for(self, user_id: str, role: Role, collected: dict[str, HomeFacts]) -> HomeFacts:
        """Return the facts that somebody may see, collected once for all who see the same."""
        viewer = await self._context.viewers.viewer(user_id, role)
        if not await has_hidden(user_id):
            viewer = replace(viewer, user_id="")
        key = f"{viewer.team} {sorted(viewer.audiences)} {viewer.user_id}"
        if key not in collected:
            collected[key] = await self.facts(seen_by(viewer))
        return collected[key]

    async def _publish(self, user_id: str, language: Language, collected: dict[str, HomeFacts]) -> None:
        role = await self._context.access.role_of(user_id)
        kind = "home" if role >= Role.VIEWER else "home_closed"
        facts = await self._facts_for(user_id, role, collected) if role >= Role.VIEWER else None
        message = renderer_of(language).render(kind, h=facts, may_start=role >= Role.RUNNER, user=user_id)
        digest = _digest(message.blocks)
        if self._published.get(user_id) == digest:
            return
        try:
            view = {"type": "home", "blocks": message.blocks}
            await answer_of(self._context.client.views_publish(user_id=user_id, view=view))
        except TROUBLE as failure:
            # The next tick publishes the same, or something newer.
            log.info("home_not_published user=%s error=%s", user_id, type(failure).__name__)
            return
        self._published[user_id] = digest


def _digest(blocks: list[Block]) -> str:
    return hashlib.sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()
