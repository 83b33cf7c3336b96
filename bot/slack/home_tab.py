"""Home tab: what runs, the decisions of the week, champions with their record, schedules; kept up to date.

It is published when someone opens it, and again when its content changes, for a day after the visit, every
few seconds at most.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.commands.schedule import ScheduleLine, schedule_line
from bot.context import BotContext
from bot.delivery.facts import study_facts
from bot.documents.audiences import has_hidden, seen_by
from bot.documents.current_workspace import in_workspace, workspace
from bot.documents.recurring import Champion, Schedule, ScheduleRun
from bot.documents.sessions import HomeVisit
from bot.origin import StudyOrigin
from bot.role import Role
from bot.runtime.slack_errors import TROUBLE, answer_of
from bot.schedules.schedules import spec_of
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.storage.driver import aggregate, collection_of
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import Query
from optimizer.validation.champions.challenge import Decision
from reports.facts import StudyFacts
from reports.render import Language, renderer_of
from reports.text.message import Block

log = logging.getLogger(__name__)

#: Seconds between two updates of the tabs.
TICK_SECONDS = 4.0
#: Time after opening in which a tab is kept up to date.
UPDATED_FOR = timedelta(days=1)
#: Running studies, decisions, champions and schedules shown.
_SHOWN = 8
#: Decisions older than this are history.
RECENT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Decision of the week: a study's verdict, or what a scheduled run says of its champion."""

    at: datetime
    study: StudyFacts | None = None
    run: ScheduleRun | None = None
    spec: StudySpec | None = None  # of the run


@dataclass(frozen=True, kw_only=True)
class ChampionRecord:
    """Champion, and how often scheduled runs challenged it and said to keep it."""

    champion: Champion
    n_challenges: int
    n_kept: int


@dataclass(frozen=True, kw_only=True)
class HomeFacts:
    """Facts of a home tab."""

    running: list[StudyFacts]
    n_running: int
    decisions: list[Decided]
    champions: list[ChampionRecord]
    n_champions: int
    schedules: list[ScheduleLine]
    n_schedules: int


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
        await collection_of(HomeVisit).update_one({"user_id": user_id}, {"$set": visit}, upsert=True)
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
        schedules, champions = await self._context.schedules.all(among), await self._context.champions.current()
        return HomeFacts(
            running=[study_facts(study, now=now) for study in running[:_SHOWN]],
            n_running=len(running),
            decisions=await self._decisions(among, schedules),
            champions=await _records(champions[:_SHOWN]),
            n_champions=len(champions),
            schedules=[await schedule_line(schedule, self._context) for schedule in schedules[:_SHOWN]],
            n_schedules=len(schedules),
        )

    async def _decisions(self, among: Query, schedules: Sequence[Schedule]) -> list[Decided]:
        """Return the newest decisions of the week: of studies that were requested, and of runs of these schedules."""
        now = self._context.clock()
        complete = (StudyState.COMPLETE,)
        studies = await self._context.services.studies.list_studies(among=among, states=complete, limit=2 * _SHOWN)
        found = [
            Decided(at=study.completed_at, study=study_facts(study, now=now))
            for study in studies
            if study.completed_at and study.completed_at >= now - RECENT and not StudyOrigin.of(study).schedule
        ]
        by_name = {schedule.schedule_name: schedule for schedule in schedules}
        recent = {"started_at": {"$gte": now - RECENT}, "challenge": {"$ne": None}}
        runs = ScheduleRun.find({"schedule_name": {"$in": list(by_name)}, **recent}).sort("-due_at").limit(_SHOWN)
        found += [
            Decided(at=run.started_at, run=run, spec=spec_of(by_name[run.schedule_name], run))
            for run in await runs.to_list()
        ]
        return sorted(found, key=lambda each: each.at, reverse=True)[:_SHOWN]

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


async def _records(champions: Sequence[Champion]) -> list[ChampionRecord]:
    """Count the challenges of each champion."""
    names = [champion.study_name for champion in champions]
    counts: Counter[tuple[str, str]] = Counter()
    stages: list[dict[str, Any]] = [
        {"$match": {"champion": {"$in": names}, "challenge": {"$ne": None}}},
        {"$group": {"_id": {"champion": "$champion", "decision": "$challenge.decision"}, "n": {"$sum": 1}}},
    ]
    async for found in aggregate(ScheduleRun, stages):
        kind = "switch" if found["_id"]["decision"] == str(Decision.SWITCH) else "keep"
        counts[found["_id"]["champion"], kind] += found["n"]
    return [
        ChampionRecord(
            champion=champion,
            n_challenges=counts[champion.study_name, "keep"] + counts[champion.study_name, "switch"],
            n_kept=counts[champion.study_name, "keep"],
        )
        for champion in champions
    ]


def _digest(blocks: list[Block]) -> str:
    return hashlib.sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()
