"""`optimize-bot backup`: everything into one file, also while the bot runs."""

import argparse
import asyncio
from pathlib import Path

from bot.cli.screen import Screen
from bot.cli.upkeep.steps import Steps
from bot.cli.upkeep.terminal_mongodb import open_beside
from bot.ops.backups import back_up, passphrase_of
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from reports.render import renderer_of


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Write the file; returns the exit code."""
    screen, renderer, file = Screen(as_json=options.json), renderer_of(settings.language), Path(options.file)
    passphrase = passphrase_of(settings) if options.secrets else None
    async with open_beside(settings, options.verb) as uri:
        with Steps(screen, renderer) as steps:
            done = await asyncio.to_thread(back_up, uri, settings, file, passphrase=passphrase, tell=steps.tell)
    facts = {"file": str(file), "n_bytes": done.n_bytes, "n_snapshots": done.n_snapshots}
    screen.show(renderer.notice("backed_up", n_documents=done.n_documents, **facts))
    screen.write({**facts, "documents": dict(done.documents), "has_secrets": options.secrets})
    return 0
