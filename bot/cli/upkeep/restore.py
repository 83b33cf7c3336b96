"""`optimize-bot restore`: what a backup contains into an empty installation, or in the place of what is there."""

import argparse
import asyncio
from pathlib import Path

from bot.cli.screen import Screen
from bot.cli.upkeep.steps import Steps
from bot.cli.upkeep.terminal_mongodb import open_alone
from bot.ops.backups import RESTORED_SECRETS, passphrase_of, require_restorable, restore
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from reports.render import renderer_of


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Read the whole file first, then store it; returns the exit code."""
    screen, renderer, file = Screen(as_json=options.json), renderer_of(settings.language), Path(options.file)
    passphrase = passphrase_of(settings) if options.secrets else None
    manifest = await asyncio.to_thread(require_restorable, file, passphrase=passphrase)
    async with open_alone(settings, options.verb) as uri:
        with Steps(screen, renderer) as steps:
            counts = await asyncio.to_thread(
                restore, uri, settings, file, passphrase=passphrase, replaces=options.replace, tell=steps.tell
            )
    screen.show(renderer.notice("restored", home=settings.home, made_at=manifest.made_at[:16].replace("T", " ")))
    if passphrase is not None:
        screen.show(renderer.notice("secrets_restored", file=settings.home / RESTORED_SECRETS))
    screen.write({"made_at": manifest.made_at, "program": manifest.program, "parts": dict(counts)})
    return 0
