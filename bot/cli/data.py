"""`optimize-bot data import`: price bars from files, and what was understood of them."""

import argparse
import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

from pydantic_core import to_jsonable_python
from rich.spinner import Spinner

from bot.cli.screen import Screen
from bot.grammar.cadence import find_time_zone
from bot.runtime.processes import ChildProcesses, lock_home
from bot.runtime.services import open_market
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from optimizer.errors import Phrase
from optimizer.market.formats.encodings import encoding_of
from optimizer.market.formats.understood import Reading, Understood
from optimizer.market.importing import ImportReport, import_files, read_only
from optimizer.market.raw_bars import find_timeframe
from reports.render import Renderer, renderer_of
from reports.text.terminal import unmarked


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Import a file or a folder, or with `--dry` only read it; returns the exit code."""
    read = read_only if options.dry else partial(_stored, settings=settings)
    return await asyncio.to_thread(import_with, read, options, Screen(as_json=options.json), settings.language)


def import_with(read: Callable[..., ImportReport], options: argparse.Namespace, screen: Screen, language: str) -> int:
    """Import by `read`, which takes the path and how it is read, and print what was understood; in a thread."""
    renderer, path = renderer_of(language), Path(options.path)
    reading = reading_of(options)
    with screen.changing(Spinner("dots", f"reading {path}")):
        report = read(path, reading=reading)
    for phrase in _told(report, is_dry=options.dry):
        screen.console.print(unmarked(renderer.phrase(phrase)), markup=False, overflow="ignore", crop=False)
    screen.write(_document(report, renderer, is_dry=options.dry))
    return 0


def reading_of(options: argparse.Namespace) -> Reading:
    """Return what the options say. Raises UnknownTimeZone, UnknownTimeframe or UnknownEncoding."""
    return Reading(
        symbol=options.symbol,
        timeframe=find_timeframe(options.timeframe) if options.timeframe else None,
        zone=find_time_zone(options.zone) if options.zone else None,
        encoding=encoding_of(options.encoding) if options.encoding else None,
        decimal=options.decimal,
        day_first=options.day_first,
        republic=options.republic,
        is_adjusted=options.adjusted,
    )


def _stored(path: Path, *, reading: Reading, settings: Settings) -> ImportReport:
    with lock_home(settings.home, "data import"), open_market(settings) as market:
        return import_files(path, market.warehouse, reading=reading, now=utc_now())


def _told(report: ImportReport, *, is_dry: bool) -> Iterator[Phrase]:
    """Yield what a person reads: how each kind of file was understood, the number of bars, and what changed."""
    in_order = sorted(report.understood, key=lambda one: repr(one.manner))
    for _, group in groupby(in_order, key=lambda one: one.manner):
        first, *others = group
        yield from _understood(first, others)
    counts = {"n": report.n_bars, "n_symbols": len(report.symbols), "n_files": report.n_files}
    yield Phrase("import_dry" if is_dry else "import_done", **counts)
    if report.passed_over:
        yield Phrase("files_passed_over", n=len(report.passed_over), file=report.passed_over[0].name)
    yield from report.notes


def _understood(first: Understood, others: list[Understood]) -> Iterator[Phrase]:
    """Yield how one file was understood, and what is to be told of others that are written alike."""
    series, *lines = first.lines()
    yield series
    for line in lines:
        yield Phrase("read_line", line=line)
    for line in (doubt for other in others for doubt in other.doubts()):
        yield Phrase("read_line", line=line)
    if others:
        yield Phrase("read_line", line=Phrase("read_alike", n=len(others), file=others[-1].file))


def _document(report: ImportReport, renderer: Renderer, *, is_dry: bool) -> dict[str, object]:
    """The report as one document."""
    return {
        "is_dry": is_dry,
        "n_files": report.n_files,
        "n_bars": report.n_bars,
        "symbols": list(report.symbols),
        "understood": [to_jsonable_python(one.as_document()) for one in report.understood],
        "passed_over": [str(path) for path in report.passed_over],
        "notes": [unmarked(renderer.phrase(note)) for note in report.notes],
    }
