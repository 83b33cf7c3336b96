"""`optimize-bot prune`: room for new studies, from the trials of old ones; also while the bot runs."""

import argparse
import getpass

from bot.access import audit
from bot.cli.screen import Screen
from bot.cli.upkeep.steps import Steps
from bot.cli.upkeep.terminal_mongodb import open_beside
from bot.documents.audit_log import Outcome
from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.ops.pruning import KEEP, prune, read_age
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.errors import UnknownWord
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.mongo import open_documents
from reports.render import renderer_of


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Delete, or with `dry` only count; returns the exit code."""
    screen, renderer, now = Screen(as_json=options.json), renderer_of(settings.language), utc_now()
    older, keep, is_dry = _read([*options.words, *(["dry"] if options.dry else [])])
    before = now - read_age(older)
    async with open_beside(settings, options.verb) as uri, open_documents(uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)):
        with Steps(screen, renderer) as steps:
            pruned = await prune(before=before, keep=keep, is_dry=is_dry, now=now, tell=steps.tell)
        if not is_dry:
            await audit.record(
                now=now, door="terminal", user_id=getpass.getuser(), channel_id="", outcome=Outcome.DONE, verb="prune",
                text=f"prune older={older} keep={keep}",
            )  # fmt: skip
    facts = {**vars(pruned), "before": before}
    screen.show(renderer.notice("prune_dry" if is_dry else "pruned", **facts))
    screen.write({**vars(pruned), "before": before.isoformat(), "is_dry": is_dry})
    return 0


def _read(words: list[str]) -> tuple[str, str, bool]:
    """Return the age, what is kept, and whether it is only counted. Raises UnknownWord."""
    found = {"older": "older=", "keep": KEEP[0], "dry": ""}
    for word in words:
        key, sign, value = word.lower().partition("=")
        if key not in found or (key == "dry") == bool(sign):
            raise UnknownWord.of(word, ["older=1y", "keep=champions", "dry"])
        found[key] = value or "yes"
    if found["keep"] not in KEEP:
        raise UnknownWord.of(found["keep"], KEEP)
    return found["older"], found["keep"], bool(found["dry"])
