"""Data-quality findings with severity, time and value, and the report on one series."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum, auto

from pydantic import Field, model_validator

from optimizer.domain.study_request import Frozen

Facts = dict[str, str | int | float]

#: The English sentence of each kind of finding, over its facts. `{when}` is the date (and the time, intraday).
SENTENCES: Mapping[str, str] = {
    "order": "The bar of {when} stands after a later one.",
    "duplicate": "There are {n} bars for {when}.",
    "future": "The bar of {when} lies in the future ({n} such bars).",
    "clock": "The daily bar of {when} is stamped {hours:+.1f} hours off midnight ({n} bars): a time zone is mixed up.",
    "shift_days": "From {when} on the dates are {days:+d} day off the sessions of {calendar} ({n} bars).",
    "shift_hours": "From {when} on the bars are {hours:+.1f} hours off the hours of {calendar} ({n} sessions).",
    "no_session": "There is a bar on {when}, when {calendar} was closed.",
    "other_calendar": "{n} bars, the first on {when}, are on days when {calendar} was closed: it may trade elsewhere.",
    "outside_hours": "{n} bars, the first at {when}, are outside the hours of {calendar}.",
    "thin_session": "The session of {when} has {n} of {expected} bars.",
    "missing": "There is no bar on {when}, a session of {calendar}.",
    "missing_run": "{n} sessions of {calendar} are missing from {when} to {end}.",
    "sparse": "Only {share:.0%} of the sessions of {calendar} since {when} have bars.",
    "stale_end": "The last bar is of {when}; {n} sessions have closed since.",
    "short": "There are only {n} bars; about {need} are needed for a result that means something.",
    "not_finite": "The {column} of {when} is not a number.",
    "not_positive": "The {column} of {when} is {value:g}.",
    "inverted": "On {when} the high {high:g} is below the low {low:g}.",
    "outside": "On {when} the {column} {value:g} is outside the range {low:g} to {high:g}.",
    "stale_run": "{n} bars from {when} repeat the same prices.",
    "no_volume": "{n} bars from {when} have no volume.",
    "split": "On {when} the price moves by {value:+.1%}, near a split of {ratio}: was it adjusted?",
    "spike": "On {when} the price jumps by {value:+.1%} and comes back at the next bar: a bad tick?",
    "outlier": "On {when} the price moves by {value:+.1%}, {times:.0f} times its recent scale.",
}

#: The English sentence of each kind of note: every finding, and what the study itself did to the bars.
NOTES: Mapping[str, str] = {
    **SENTENCES,
    "left_out": "{n} bars are left out: on their dates not all of the symbols have one.",
}


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
        return list(Severity).index(self)


class DataFinding(Frozen):
    """One fault or anomaly in the bars."""

    kind: str  # a key of SENTENCES
    severity: Severity
    when: datetime  # UTC, of the first bar or session concerned
    value: float | None = None  # the faulty number: a price, a return, a count
    facts: Facts = Field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Finding in English; other languages fill their own sentence for `kind` with `words`."""
        return SENTENCES[self.kind].format(**self.words)

    @property
    def words(self) -> dict[str, str | int | float | None]:
        """Facts that a sentence can use."""
        is_day = (self.when.hour, self.when.minute) == (0, 0)
        when = f"{self.when:%Y-%m-%d}" if is_day else f"{self.when:%Y-%m-%d %H:%M} UTC"
        return {"when": when, "value": self.value, **self.facts}


class DataNote(Frozen):
    """Note on the bars of a study: its kind and its facts, worded by the templates."""

    kind: str  # a key of NOTES; empty for one that an earlier version stored as text
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
    def sentence(self) -> str:
        """Note in English, without the symbol; other languages have their own sentence for `kind`."""
        return NOTES[self.kind].format(**self.facts) if self.kind else self.text

    def __str__(self) -> str:
        return f"{self.symbol} – {self.sentence}" if self.symbol else self.sentence


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
