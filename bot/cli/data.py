"""`optimize-bot data import`: price bars from files."""

import argparse
import asyncio
from pathlib import Path

from rich.console import Console

from bot.grammar.cadence import find_time_zone
from bot.runtime.processes import ChildProcesses, lock_home
from bot.runtime.services import open_market
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from reports.render import renderer_of
from reports.text.terminal import unmarked


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Import a file or a folder; returns the exit code."""
    return await asyncio.to_thread(_import, options, settings)


def _import(options: argparse.Namespace, settings: Settings) -> int:
    console = Console(highlight=False)
    reading = Reading(symbol=options.symbol, zone=find_time_zone(options.zone) if options.zone else None)
    path, renderer = Path(options.path), renderer_of(settings.language)
    with lock_home(settings.home, "data import"), open_market(settings) as market, console.status(f"reading {path}"):
        report = import_files(path, market.warehouse, reading=reading, now=utc_now())
    console.print(f"{report.n_bars:,} bars of {len(report.symbols)} symbols from {report.n_files} files.", markup=False)
    for note in report.notes:
        console.print(unmarked(renderer.phrase(note)), markup=False)
    return 0
