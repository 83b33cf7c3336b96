"""Data-quality findings with severity, time and value, and the report on one series."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum, auto

from pydantic import Field, model_validator

from optimizer.domain.study_request import Frozen
from optimizer.errors import Phrase

Facts = dict[str, str | int | float]


class Severity(StrEnum):
    """Severity of a finding, least first."""

    INFO = auto()
    LOW = auto()
    MEDIUM = auto()  # from here on the data line of a result shows it
    HIGH = auto()
    CRITICAL = auto()  # blocks a study unless it is forced

    @property
    def rank(self) -> int:
        """Position in the order of severities, 0 for the least."""
        return _RANKS[self]


_RANKS = {severity: place for place, severity in enumerate(Severity)}


class DataFinding(Frozen):
    """One fault or anomaly in the bars."""

    kind: str  # of the phrase `bars_…`
    severity: Severity
    when: datetime  # UTC, of the first bar or session concerned
    until: datetime | None = None  # of the last one; None: the first is the only one
    value: float | None = None  # the faulty number: a price, a return, a count
    facts: Facts = Field(default_factory=dict)

    def concerns(self, first: date) -> bool:
        """True if a bar of the day `first` or a later one is concerned."""
        return (self.until or self.when).date() >= first

    @property
    def phrase(self) -> Phrase:
        """Finding in words: its kind with the facts that the phrase can name."""
        return _phrase(self.kind, self.words)

    @property
    def words(self) -> dict[str, str | int | float | None]:
        """Facts that a sentence can use."""
        is_day = (self.when.hour, self.when.minute) == (0, 0)
        when = f"{self.when:%Y-%m-%d}" if is_day else f"{self.when:%Y-%m-%d %H:%M} UTC"
        return {"when": when, "value": self.value, **self.facts}


class DataNote(Frozen):
    """Note on the bars of a study: its kind and its facts, worded by the templates."""

    kind: str  # of a finding, or `left_out`; empty for one that an earlier version stored as text
    symbol: str = ""  # of a study of several symbols
    facts: dict[str, str | int | float | None] = Field(default_factory=dict)
    text: str = ""  # the English sentence of an earlier version

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, stored: object) -> object:
        """Read what earlier versions stored: `sentence` or `SYMBOL – sentence`."""
        if not isinstance(stored, str):
            return stored
        first, dash, rest = stored.partition(" – ")
        return {"kind": "", "symbol": first, "text": rest} if dash else {"kind": "", "text": stored}

    @property
    def phrase(self) -> Phrase:
        """Note in words, with its symbol in front."""
        note = _phrase(self.kind, self.facts) if self.kind else Phrase("as_written", text=self.text)
        return Phrase("of_symbol", symbol=self.symbol, note=note) if self.symbol else note


def _phrase(kind: str, facts: Mapping[str, str | int | float | None]) -> Phrase:
    column = facts.get("column")
    named = {"column": Phrase(str(column))} if column else {}
    return Phrase(f"bars_{kind}", **{**facts, **named})


class SeriesFindings(Frozen):
    """What is wrong with the bars of one symbol of a study."""

    found: tuple[DataFinding, ...]
    symbol: str = ""  # of a study of several symbols
    n_left_out: int = 0  # bars on dates that not all symbols have

    def notes(self, first: date) -> list[DataNote]:
        """Notes on the bars that the study uses, the first of which is of the day `first`."""
        concerned = [finding for finding in self.found if finding.concerns(first)]
        notes = [DataNote(kind=one.kind, facts=one.words, symbol=self.symbol) for one in concerned]
        left_out = DataNote(kind="left_out", facts={"n": self.n_left_out}, symbol=self.symbol)
        return [*notes, left_out] if self.n_left_out else notes


class QualityReport(Frozen):
    """Result of the checks of one series: coverage and findings, most severe first."""

    symbol: str
    timeframe: str
    source: str
    calendar: str
    data_hash: str
    checked_at: datetime
    first: date
    last: date
    n_bars: int
    n_sessions: int  # of the calendar from first to last
    n_missing: int  # sessions without any bar
    findings: tuple[DataFinding, ...] = ()

    @property
    def is_blocking(self) -> bool:
        """True if a study cannot start unless it is forced."""
        return any(finding.severity is Severity.CRITICAL for finding in self.findings)

    @property
    def warnings(self) -> tuple[DataFinding, ...]:
        """Findings of medium severity or worse, to show with a result."""
        return tuple(finding for finding in self.findings if finding.severity.rank >= Severity.MEDIUM.rank)

    @property
    def worst(self) -> Severity | None:
        """Highest severity; None for clean bars."""
        return self.findings[0].severity if self.findings else None

    @property
    def coverage(self) -> float:
        """Share of the calendar's sessions that have bars, 0 to 1."""
        return 1 - self.n_missing / self.n_sessions if self.n_sessions else 1.0
