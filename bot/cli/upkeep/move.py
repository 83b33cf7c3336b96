"""`optimize-bot move`: from the embedded server to the one that MONGODB_URI names."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from bot.cli.screen import Screen
from bot.cli.upkeep.steps import Steps
from bot.cli.upkeep.terminal_mongodb import open_embedded
from bot.ops.backups import PASSING
from bot.runtime.processes import ChildProcesses, lock_home
from bot.runtime.settings import Settings
from optimizer.errors import Unavailable, UserError
from optimizer.storage.copies.database_copy import collections_of, raw_database, read_parts, write_part
from reports.render import renderer_of


class NoTarget(UserError):
    """Raised when no server is named that the documents could be moved to."""


class NoEmbedded(UserError):
    """Raised when there is no embedded database in the data directory. Facts: home."""


class TargetNotEmpty(UserError):
    """Raised when the database to move to has documents already."""


class MoveDiffers(Unavailable):
    """Raised when not every document arrived. Facts: collection, have, need."""


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Copy every document, and count them on both sides; returns the exit code."""
    screen, renderer = Screen(as_json=options.json), renderer_of(settings.language)
    target, folder = settings.mongodb_address, settings.home / "mongodb"
    if target is None:
        raise NoTarget
    if not folder.exists():
        raise NoEmbedded(home=settings.home)
    with lock_home(settings.home, options.verb):
        async with open_embedded(settings) as source:
            with Steps(screen, renderer) as steps:
                counts = await asyncio.to_thread(copy_database, source, target, steps.tell)
    screen.show(renderer.notice("database_moved", n=sum(counts.values()), folder=folder))
    screen.write({"documents": dict(counts)})
    return 0


def copy_database(source: str, target: str, tell: Callable[[str, int], None]) -> Mapping[str, int]:
    """Copy every document; returns how many of each collection. Raises TargetNotEmpty or MoveDiffers."""
    counts = Counter[str]()
    with raw_database(source) as here, raw_database(target) as there:
        if set(collections_of(there)) - set(PASSING):
            raise TargetNotEmpty
        for part in read_parts(here, without=PASSING):
            counts[part.collection] += write_part(there, part.collection, part.documents)
            tell(part.collection, counts[part.collection])
        for name, n in counts.items():
            if (have := there[name].count_documents({})) != n:
                raise MoveDiffers(collection=name, have=have, need=n)
    return counts
