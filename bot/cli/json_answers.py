"""Answers as JSON: the documents of the API where it has them, otherwise the facts of the message."""

from collections.abc import Sequence
from typing import Any

from bot.api import responses
from bot.api.routes.catalogue import catalogue_of
from bot.api.routes.regime_routes import answer_of
from bot.cli.screen import plain_facts
from bot.commands.results import facts_of
from bot.context import Answer, BotContext
from bot.delivery.progress import read_progress
from bot.grammar.commands import (
    Best,
    Cancel,
    Command,
    ListRegimes,
    ListStrategies,
    ListStudies,
    Pause,
    Show,
    ShowData,
    ShowRegime,
    Status,
    Top,
)
from bot.schedules.day_labels import entry_of
from optimizer.storage.study_queries import page_of_studies
from reports.facts import StudyFacts
from reports.json_document import json_document
from reports.render import renderer_of

JsonObject = dict[str, Any]


async def document_of(command: Command, answer: Answer, context: BotContext) -> JsonObject:
    """Return the answer to a command as one document."""
    facts, renderer = answer.message.facts, renderer_of(context.services.settings.language)
    match command:
        case Show(name):
            return await _study(name, context)
        case Cancel(name) | Pause(name) | Status(str(name)):
            progress = await read_progress(context.services, name)
            return responses.progress_of(progress, renderer.language).model_dump(mode="json")
        case ListStudies() | Status() | Top():
            return await _page(facts["studies"])
        case Best():
            study = await context.services.studies.get_study_results(facts["study"].study_name)
            assert study.summary is not None, "get_study_results checked it"
            return responses.result_of(study, study.summary).model_dump(mode="json")
        case ListStrategies():
            return catalogue_of(renderer).model_dump(mode="json")
        case ShowData(str()):
            return responses.quality_of(facts["report"], renderer).model_dump(mode="json")
        case ShowRegime():
            entry = entry_of(facts["r"], context.clock())
            return {"regime": answer_of(entry).model_dump(mode="json")}
        case ListRegimes():
            return {"regimes": [answer_of(row).model_dump(mode="json") for row in facts["rows"]]}
        case _:
            return plain_facts(answer.message)


async def _study(name: str, context: BotContext) -> JsonObject:
    """Return everything about a study, as `export ID json` does."""
    study = await context.services.studies.find(name)
    trials = await context.services.studies.get_trials(study.study_name)
    return json_document(await facts_of(study, context), trials)


async def _page(studies: Sequence[StudyFacts]) -> JsonObject:
    """Return studies as the API lists them, in the order of the message."""
    names = [study.study_name for study in studies]
    wanted = {"study_name": {"$in": names}}
    lines = await page_of_studies({}, older_than=None, limit=len(names), among=wanted) if names else []
    lines.sort(key=lambda line: names.index(line.study_name))
    return responses.StudyPage(items=[responses.item_of(line) for line in lines], next_cursor=None).model_dump(
        mode="json"
    )
