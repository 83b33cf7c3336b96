"""`optimize-bot warm`: compile the engine and the layouts now, so that no first study and no first start waits."""

import argparse
import asyncio
import time
from typing import TYPE_CHECKING

from bot.cli.screen import Screen
from bot.cli.upkeep.steps import Steps
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from optimizer.lazy import LazyModule
from reports.render import LANGUAGES, renderer_of

if TYPE_CHECKING:
    from optimizer.studies.running import warming
else:
    warming = LazyModule("optimizer.studies.running.warming")


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Compile what is not compiled yet, with progress; returns the exit code."""
    screen, renderer, began = Screen(as_json=options.json), renderer_of(settings.language), time.monotonic()
    screen.show(renderer.notice("warming"))
    with Steps(screen, renderer) as steps:
        await asyncio.to_thread(lambda: warming.warm_all(steps.tell))
    for language in LANGUAGES:
        await asyncio.to_thread(renderer_of(language).warm)
    seconds = time.monotonic() - began
    screen.show(renderer.notice("warm", seconds=round(seconds)))
    screen.write({"seconds": round(seconds, 1)})
    return 0
