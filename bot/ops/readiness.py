"""Readiness: whether a running bot can serve now, and what keeps it from it."""

import asyncio
import shutil

from pymongo.errors import PyMongoError

from bot.context import BotContext
from bot.documents.lease_record import Lease
from bot.ops.health_checks import LEAST_FREE_BYTES
from bot.runtime.slack_account import SlackAccount
from optimizer.storage.outage import name_of

#: Seconds that MongoDB may take for one small read.
_READ_SECONDS = 2.0


async def what_is_wrong(context: BotContext, account: SlackAccount) -> dict[str, str]:
    """Return what keeps the bot from serving, by its part: one word each, and no secrets; empty when it is ready."""
    settings = context.services.settings
    found = {
        "mongodb": await _mongodb(),
        "lease": "" if context.may_serve() else "not_held",
        "loops": ",".join(context.services.supervisor.failing()),
        "slack": account.trouble if settings.has_slack else "",
        "disk": "full" if shutil.disk_usage(settings.home).free < LEAST_FREE_BYTES else "",
        "workers": "" if context.services.pool.n_ready else "none",
    }
    return {part: reason for part, reason in found.items() if reason}


async def _mongodb() -> str:
    """Read one document, as everything does; a ping would also succeed without any rights."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            await Lease.find_one()
    except PyMongoError as error:
        return name_of(error)
    except TimeoutError:
        return "no_answer"
    return ""
