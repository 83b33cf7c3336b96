"""The plan of a form while it is filled in: what it would start, or what is missing, in one or two lines."""

import asyncio
import logging
from collections.abc import Sequence

from pymongo.errors import PyMongoError

from bot.commands.forms.start_form import Block, Form, read_form
from bot.delivery.facts import plan_facts
from bot.grammar.fields import BadFields
from bot.runtime.services import Services
from bot.schedules.universes import plan_selection, select
from optimizer.errors import UserError
from optimizer.studies.service import Plan
from reports.render import Renderer
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Seconds that a plan may take; Slack opens a form within three.
PLAN_SECONDS = 1.0
BLOCK_ID = "plan"


async def plan_blocks(form: Form, say: Renderer, services: Services) -> list[Block]:
    """Return the blocks of a form's plan; none where it takes too long."""
    if not form.symbol.strip():
        return _named(say.notice("form_without_symbol"))
    try:
        start = read_form(form)
        async with asyncio.timeout(PLAN_SECONDS):
            plans = await plan_selection(await select(start, services), services)
    except BadFields as bad:
        return _named(say.notice("form_wrong", reason=say.error(next(iter(bad.errors.values())))))
    except UserError as error:
        return _named(say.notice("form_wrong", reason=say.error(error)))
    except (TimeoutError, PyMongoError) as cause:
        log.warning("form_without_plan error=%s", type(cause).__name__)
        return []
    return _named(_message(plans, say))


def _message(plans: Sequence[Plan], say: Renderer) -> Message:
    return say.render("form_plan", spec=plans[0].spec, plan=plan_facts(plans[0]), n_others=len(plans) - 1)


def _named(message: Message) -> list[Block]:
    return [{**block, "block_id": f"{BLOCK_ID}-{i}"} for i, block in enumerate(message.blocks)]
