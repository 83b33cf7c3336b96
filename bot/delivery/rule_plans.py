"""Facts of a rule in words before anything runs: its plan, and what was tried on the same bars."""

from collections.abc import Sequence

from bot.delivery.facts import rule_facts
from optimizer.storage.tries import rules_tried
from optimizer.studies.service import Plan
from optimizer.validation.window import window_facts
from reports.facts import RuleFacts
from reports.languages import Language


async def facts_of(plans: Sequence[Plan], language: Language) -> RuleFacts:
    """Return the facts of a rule and of what was tried on the bars of its first study before."""
    first = plans[0]
    window = window_facts(first.rows, first.bars)
    tried = await rules_tried(first.spec, window.start, window.end)
    return rule_facts(first, language=language, n_studies=len(plans), tried=tried)
