"""What the sentinel says of bars: findings with a severity, a time, a value and a reason, and the report on them."""

from datetime import date, datetime
from enum import StrEnum, auto

from pydantic import Field

from optimizer.domain.study_request import Frozen
from optimizer.errors import Phrase

Facts = dict[str, str | int | float]


class Severity(StrEnum):
    """How much a finding matters, least first."""

    INFO = auto()
    LOW = auto()
    MEDIUM = auto()  # from here on it stands in the data line of a result
    HIGH = auto()
    CRITICAL = auto()  # blocks a study unless it is forced

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Severity).index(self)


class DataFinding(Frozen):
    """One thing that is wrong or strange in the bars."""

    kind: str  # the key of its phrase, after `bars_`
    severity: Severity
    when: datetime  # UTC, of the first bar or session concerned
    value: float | None = None  # the number that is wrong: a price, a return, a count
    facts: Facts = Field(default_factory=dict)

    @property
    def phrase(self) -> Phrase:
        """The finding in words: its kind with the facts that the phrase may name."""
        facts: dict[str, object] = dict(self.words)
        if column := facts.get("column"):
            facts["column"] = Phrase(str(column))
        return Phrase(f"bars_{self.kind}", **facts)

    @property
    def words(self) -> dict[str, str | int | float | None]:
        """The facts that a sentence may name."""
        is_day = (self.when.hour, self.when.minute) == (0, 0)
        when = f"{self.when:%Y-%m-%d}" if is_day else f"{self.when:%Y-%m-%d %H:%M} UTC"
        return {"when": when, "value": self.value, **self.facts}


class QualityReport(Frozen):
    """One check of one series: coverage and findings, most severe first."""

    symbol: str
    timeframe: str
    source: str
    calendar: str
    data_hash: str
    checked_at: datetime
    first: date
    last: date
    n_bars: int
    n_sessions: int  # that the calendar has from first to last
    n_missing: int  # of those, without any bar
    findings: tuple[DataFinding, ...] = ()

    @property
    def is_blocking(self) -> bool:
        """Whether a study must not start unless it is forced."""
        return any(finding.severity is Severity.CRITICAL for finding in self.findings)

    @property
    def warnings(self) -> tuple[DataFinding, ...]:
        """What must stand beside a result: findings of medium severity or worse."""
        return tuple(finding for finding in self.findings if finding.severity.rank >= Severity.MEDIUM.rank)

    @property
    def worst(self) -> Severity | None:
        """The worst severity; None for clean bars."""
        return self.findings[0].severity if self.findings else None

    @property
    def coverage(self) -> float:
        """Share of the calendar's sessions that have bars, 0 to 1."""
        return 1 - self.n_missing / self.n_sessions if self.n_sessions else 1.0
