"""Import of a user's files into the warehouse, all of them or none: `optimize-bot data import PATH`."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from optimizer.errors import BadFile, Phrase
from optimizer.market.formats.source_files import find_files, passed_over
from optimizer.market.formats.understood import Reading, Understood
from optimizer.market.providers.file import read_files
from optimizer.market.providers.file_series import Series
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.warehouse.changes import ChangeKind, Changes
from optimizer.market.warehouse.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """Series that an import read, and stored unless it was dry."""

    path: Path
    n_files: int
    understood: tuple[Understood, ...]  # one per series, in the order of the files
    changes: tuple[Changes, ...] = ()  # likewise; empty if nothing was stored
    passed_over: tuple[Path, ...] = ()  # files of the folder that were not read

    @property
    def n_bars(self) -> int:
        """Number of bars that were read."""
        return sum(one.n_bars for one in self.understood)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that were read, sorted."""
        return tuple(sorted({one.symbol for one in self.understood}))

    @property
    def notes(self) -> tuple[Phrase, ...]:
        """What a person should know about the import, per series."""
        return tuple(note for one in self.changes for note in _notes(one))


_REASONS = {
    ChangeKind.SPLIT: "import_split",
    ChangeKind.DIVIDEND: "import_dividend",
    ChangeKind.CORRECTION: "import_correction",
}


def _notes(changes: Changes) -> Iterator[Phrase]:
    if changes.n_left_out:
        yield _about("import_left_out", changes, n=changes.n_left_out)
    if changes.first_dropped:
        yield _about("import_dropped", changes, n=changes.n_dropped, first=f"{changes.first_dropped:%Y-%m-%d}")
    if changes.first_changed:
        first = f"{changes.first_changed:%Y-%m-%d}"
        yield _about(_REASONS[changes.kind], changes, n=changes.n_changed, first=first, ratio=_ratio(changes.ratio))
    if changes.n_rescaled:
        yield _about("import_rescaled", changes, n=changes.n_rescaled)


def _ratio(ratio: float) -> str:
    """Ratio of new to old prices: 1:4, or a percentage when it is none of small numbers."""
    simple = Fraction(ratio).limit_denominator(50)
    is_simple = min(simple.numerator, simple.denominator) <= 5 and abs(simple / ratio - 1) < 0.005
    return f"{simple.numerator}:{simple.denominator}" if is_simple else f"{ratio - 1:+.2%}"


def _about(key: str, changes: Changes, **facts: object) -> Phrase:
    name = changes.symbol if changes.timeframe == "1d" else f"{changes.symbol} {changes.timeframe}"
    return Phrase(key, series=name, **facts)


def import_files(path: Path, warehouse: Warehouse, *, reading: Reading | None = None, now: datetime) -> ImportReport:
    """Read one file or every file under a folder and store its bars under the source `file`, in one transaction.

    Raises BadFile, NothingToImport, UnknownTimeframe, UnknownEncoding or MissingExtra; nothing is stored then.
    """
    understood: list[Understood] = []
    # Closed here, not when an error that holds it is forgotten: its spill folder goes with it.
    with closing(read_files(path, reading)) as series:
        changes = warehouse.import_all(_once(series, understood), now=now)
    return _report(path, understood, tuple(changes))


def read_only(path: Path, *, reading: Reading | None = None) -> ImportReport:
    """Read what an import would, and store nothing. Raises what an import would."""
    understood: list[Understood] = []
    with closing(read_files(path, reading)) as series:
        for _ in _once(series, understood):
            pass
    return _report(path, understood, ())


def _report(path: Path, understood: list[Understood], changes: tuple[Changes, ...]) -> ImportReport:
    others = tuple(passed_over(path))
    n_files = len(find_files(path))
    return ImportReport(path=path, n_files=n_files, understood=tuple(understood), changes=changes, passed_over=others)


def _once(series: Iterator[Series], understood: list[Understood]) -> Iterator[RawBars]:
    """Yield the bars, each series once: a second one would make the result depend on the order of files."""
    seen: set[SeriesKey] = set()
    for one in series:
        if one.bars.key in seen:
            reason = Phrase("two_files", timeframe=one.bars.timeframe, symbol=one.bars.symbol)
            raise BadFile(file=one.understood.file, line=1, reason=reason, remedy=Phrase("keep_one"))
        seen.add(one.bars.key)
        understood.append(one.understood)
        yield one.bars
