"""Links to studies' pages, shown under the message that shares them.

Everyone in the conversation reads what is shown, so a study is shown only where its sharer may see it and where what is
posted reaches nobody who may not. Anything else stays a plain link: not even that a study exists is told.
"""

import logging
import re
from typing import Any
from urllib.parse import urlsplit

from bot.context import BotContext
from bot.delivery.facts import study_facts
from bot.documents.audiences import may_see, readers_of, seen_by
from bot.origin import Origin
from bot.role import Role
from bot.runtime.slack_errors import TROUBLE, answer_of, fault_of
from bot.slack.dispatcher import CommandRequest, Dispatcher
from optimizer.storage.documents import OptimizationStudy
from reports.text.message import Block

log = logging.getLogger(__name__)

#: Links of one message that are shown.
MOST_LINKS = 5
_STUDY = re.compile(r"/studies/(opt-[0-9a-f]{4,32})/?")


class LinkUnfurls:
    """Shows studies under links to their pages."""

    def __init__(self, context: BotContext, dispatcher: Dispatcher) -> None:
        self._context = context
        self._dispatcher = dispatcher

    async def on_shared(self, event: dict[str, Any]) -> None:
        """Show the studies that a message links to (a listener of Bolt)."""
        public_url = self._context.services.settings.public_url
        names = {link["url"]: study_at(link["url"], public_url) for link in event["links"][:MOST_LINKS]}
        if not any(names.values()) or not self._context.may_serve():
            return
        origin = await self._dispatcher.origin_of(
            CommandRequest(door="link", channel_id=event["channel"], user_id=event["user"])
        )
        if origin.role < Role.VIEWER:
            return
        studies = {url: await self._visible(name, origin) for url, name in names.items() if name}
        shown = {url: {"blocks": self._blocks(study, origin)} for url, study in studies.items() if study}
        if shown:
            await self._unfurl(event, shown)

    async def _visible(self, name: str, origin: Origin) -> OptimizationStudy | None:
        """Return a study that the sharer may see and everyone in the conversation as well."""
        viewer = await self._context.viewers.viewer(origin.user_id, origin.role)
        query = {"$and": [{"study_name": name}, seen_by(viewer)]}
        study = await OptimizationStudy.find_one(query)
        return study if study is not None and may_see(readers_of(origin.channel_id), study) else None

    def _blocks(self, study: OptimizationStudy, origin: Origin) -> list[Block]:
        facts = study_facts(study, now=self._context.clock())
        return origin.public_renderer.render("unfurl", study=facts).blocks

    async def _unfurl(self, event: dict[str, Any], shown: dict[str, dict[str, Any]]) -> None:
        place = {"channel": event["channel"], "ts": event["message_ts"]}
        if event.get("unfurl_id"):
            place = {"unfurl_id": event["unfurl_id"], "source": event["source"]}
        try:
            await answer_of(self._context.client.chat_unfurl(**place, unfurls=shown))
        except TROUBLE as trouble:
            # The link stands as it was typed.
            log.info("link_not_shown channel=%s error=%s", event["channel"], fault_of(trouble).code)


def study_at(url: str, public_url: str) -> str:
    """Return the name of the study whose page is at an address; empty for any other address."""
    try:
        page, base = urlsplit(url), urlsplit(public_url)
    except ValueError:
        return ""
    is_ours = bool(base.netloc) and (page.scheme, page.netloc.lower()) == (base.scheme, base.netloc.lower())
    found = _STUDY.fullmatch(page.path) if is_ours else None
    return found[1] if found else ""
