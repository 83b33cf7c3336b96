"""`optimize-bot data`: list the stored bars, import files, check a symbol."""

import argparse
import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.grammar.cadence import find_time_zone
from bot.grammar.commands import ShowData
from bot.grammar.parsing import parse
from bot.runtime.processes import ChildProcesses, lock_home
from bot.runtime.services import open_market
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.market.calendar_picture import picture
from optimizer.market.feed import Market
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from reports.render import Renderer, renderer_of
from reports.text.terminal import unmarked


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """List, import or check; returns the exit code."""
    return await asyncio.to_thread(_run, options, settings)


def _run(options: argparse.Namespace, settings: Settings) -> int:
    console = Console(highlight=False)
    with lock_home(settings.home), open_market(settings) as market:
        match options.action:
            case "list":
                return _list(market, console)
            case "import":
                return _import(market, console, Path(options.path), _reading(options), renderer_of(settings.language))
            case _:
                wanted = parse(" ".join(["data", *options.words]))
                assert isinstance(wanted, ShowData), "so the verb `data` is read"
                return _check(market, console, wanted, renderer_of(settings.language))


def _list(market: Market, console: Console) -> int:
    table = Table("symbol", "bars", "timeframe", "from", "to", "source", "loaded")
    for row in market.warehouse.symbols():
        table.add_row(
            row.symbol, f"{row.n_bars:,}", row.timeframe, f"{row.first:%Y-%m-%d}", f"{row.last:%Y-%m-%d}",
            row.source, f"{row.loaded_at:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    console.print(table)
    return 0


def _reading(options: argparse.Namespace) -> Reading:
    return Reading(symbol=options.symbol, zone=find_time_zone(options.zone) if options.zone else None)


def _import(market: Market, console: Console, path: Path, reading: Reading, renderer: Renderer) -> int:
    with console.status(f"reading {path}"):
        report = import_files(path, market.warehouse, reading=reading, now=utc_now())
    console.print(f"{report.n_bars:,} bars of {len(report.symbols)} symbols from {report.n_files} files.", markup=False)
    for note in report.notes:
        console.print(unmarked(renderer.phrase(note)), markup=False)
    return 0


def _check(market: Market, console: Console, wanted: ShowData, renderer: Renderer) -> int:
    assert wanted.symbol is not None, "the command line asks for one"
    bars, report = market.checked_bars(wanted.symbol, timeframe=wanted.timeframe, source=wanted.source, now=utc_now())
    console.print(
        f"{report.symbol}: {report.n_bars:,} {report.timeframe} bars from {report.source}, "
        f"{report.first} to {report.last}, "
        f"{report.n_missing:,} of {report.n_sessions:,} sessions missing ({report.calendar}).",
        markup=False,
    )
    console.print("\n" + picture(bars, report) + "\n", markup=False)
    for finding in report.findings:
        console.print(f"{finding.severity}: {unmarked(renderer.phrase(finding.phrase))}", markup=False)
    return 1 if report.is_blocking else 0
