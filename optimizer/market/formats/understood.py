"""What a person says about a file, and what was understood of it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from optimizer.errors import Phrase
from optimizer.market.formats.file_family import Adjustment
from optimizer.market.formats.source_files import EXCEL


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options for reading files; each None is found from the file's name and content, or asked for."""

    symbol: str | None = None
    timeframe: str | None = None
    zone: str | None = None  # of times without offset; None: the exchange's
    encoding: str | None = None
    decimal: str | None = None  # `.` or `,`
    day_first: bool | None = None
    republic: bool | None = None  # whether years of two digits are those of the Republic of China
    is_adjusted: bool | None = None


class ZoneFrom(StrEnum):
    """Where the zone of the times is known from."""

    DATES = "dates"  # none is needed
    OFFSETS = "offsets"
    COUNT = "count"  # since 1970, in UTC
    NAMED = "named"
    EXCHANGE = "exchange"
    FILE = "file"


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What one series of a file was understood to be."""

    file: str
    symbol: str
    timeframe: str
    family: str
    encoding: str
    delimiter: str  # empty where columns need none
    n_header: int  # lines up to and with the header
    columns: Mapping[str, str]  # name in the file by meaning
    unused: tuple[str, ...]  # names of the columns that were not read
    decimal: str  # empty where numbers are no text
    divisor: int  # of the prices
    time_text: str  # the first time, as written
    time: datetime  # what it was taken for, in the zone of the file
    zone: str  # empty: none is needed
    zone_from: ZoneFrom
    adjustment: Adjustment
    unit: str  # of the volume
    newest_first: bool
    n_rows: int
    n_bars: int
    n_left_out: int
    first: datetime
    last: datetime
    n_below: int = 0  # lines of notes below the rows
    n_doubtful: int = 0  # rows that cannot be right, such as a high below the low
    doubtful_line: int = 0  # the first one
    seems_exchanged: bool = False  # open and close
    n_files: int = 1

    def as_document(self) -> dict[str, object]:
        """The record as plain data."""
        return {**asdict(self), "time": str(self.time), "first": str(self.first), "last": str(self.last)}

    def joined(self, later: "Understood") -> "Understood":
        """The record of two files of one series."""
        return replace(
            self,
            n_files=self.n_files + later.n_files,
            last=max(self.last, later.last),
            first=min(self.first, later.first),
            n_rows=self.n_rows + later.n_rows,
            n_bars=self.n_bars + later.n_bars,
            n_left_out=self.n_left_out + later.n_left_out,
            n_doubtful=self.n_doubtful + later.n_doubtful,
            doubtful_line=self.doubtful_line or later.doubtful_line,
            seems_exchanged=self.seems_exchanged or later.seems_exchanged,
        )

    @property
    def manner(self) -> tuple[object, ...]:
        """What files that are written alike share."""
        return (
            self.family, self.encoding, self.delimiter, self.n_header, tuple(self.columns.items()), self.unused,
            self.decimal, self.divisor, self.zone, self.zone_from, self.adjustment, self.unit, self.newest_first,
            self.timeframe, self.n_below,
        )  # fmt: skip

    def lines(self) -> Iterator[Phrase]:
        """Yield what to tell a person, line by line."""
        yield self._series()
        yield Phrase("read_as", family=Phrase(f"family_{self.family}"), text=self._text(), header=self._header())
        yield Phrase("read_times", text=self.time_text, time=self._time(), zone=self._zone())
        yield Phrase("read_prices", columns=self._columns(), decimal=self._decimal(), adjusted=self._adjusted())
        yield Phrase("read_volume", volume=self._volume())
        yield Phrase("read_rows", n=self.n_rows, order=self._order(), n_left_out=self.n_left_out, n_files=self.n_files)
        if self.n_below:
            yield Phrase("read_below", n=self.n_below)
        if self.unused:
            yield Phrase("read_unused", names=", ".join(self.unused))
        yield from self.doubts()

    def doubts(self) -> Iterator[Phrase]:
        """Yield what to tell of rows and columns that cannot be right."""
        if self.seems_exchanged:
            yield Phrase("read_exchanged", file=self.file)
        if self.n_doubtful:
            yield Phrase("read_doubtful", n=self.n_doubtful, file=self.file, line=self.doubtful_line)

    def _series(self) -> Phrase:
        form = "%Y-%m-%d" if self.timeframe == "1d" else "%Y-%m-%d %H:%M"
        span = {"first": f"{self.first:{form}}", "last": f"{self.last:{form}}"}
        facts = {"symbol": self.symbol, "timeframe": self.timeframe, "n": self.n_bars, **span}
        return Phrase("read_series", file=self.file, **facts)

    def _text(self) -> Phrase:
        if self.encoding == EXCEL or not self.delimiter:
            return Phrase("as_written", text=self.encoding if self.delimiter else "Parquet")
        between = Phrase(_DELIMITERS[self.delimiter])
        return Phrase("text_of", encoding=self.encoding, delimiter=between)

    def _header(self) -> Phrase:
        if not self.delimiter:
            return Phrase("named_columns")
        return Phrase("header_lines", n=self.n_header) if self.n_header else Phrase("no_header")

    def _time(self) -> str:
        is_day = not (self.time.hour or self.time.minute or self.time.second)
        return f"{self.time:%Y-%m-%d}" if is_day else f"{self.time:%Y-%m-%d %H:%M:%S}"

    def _zone(self) -> Phrase:
        return Phrase(f"zone_{self.zone_from}", zone=self.zone)

    def _columns(self) -> str:
        return ", ".join(self.columns[name] for name in ("open", "high", "low", "close"))

    def _decimal(self) -> Phrase:
        mark = Phrase({".": "decimal_point", ",": "decimal_comma", "": "plain_numbers"}[self.decimal])
        return Phrase("divided_by", decimal=mark, divisor=self.divisor) if self.divisor != 1 else mark

    def _adjusted(self) -> Phrase:
        return Phrase(f"prices_{self.adjustment}", column=self.columns.get("adjusted", ""))

    def _volume(self) -> Phrase:
        if "volume" not in self.columns:
            return Phrase("no_volume")
        return Phrase("volume_in", column=self.columns["volume"], unit=Phrase(f"unit_{self.unit}"))

    def _order(self) -> Phrase:
        return Phrase("newest_first" if self.newest_first else "oldest_first")


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical_bars", " ": "spaces"}
