"""Checks of the data quality of bars before a study may start.

Severities: CRITICAL bars give wrong results (a study is blocked unless forced), HIGH probably do, MEDIUM may; LOW and
INFO are shown on request. Bars are checked as a study would get them, after adjustment. Outliers are measured against
past returns only, so that a finding does not depend on later bars.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.exchange_of_symbol import ALWAYS, calendar_name, unknown_suffix
from optimizer.errors import BlockedBars, Phrase, UnpricedBars, UnusableBars
from optimizer.market.calendars import Calendar, find_calendar
from optimizer.market.quality import factor_faults, price_faults, time_faults
from optimizer.market.quality.data_findings import DataFinding, Facts, QualityReport, Severity
from optimizer.market.raw_bars import RawBars
from optimizer.market.warehouse.warehouse import Warehouse

#: Numbers of bars below which the series is reported as short, with the severity: most severe first.
SHORT = ((30, Severity.CRITICAL), (120, Severity.HIGH), (252, Severity.MEDIUM))
#: Findings of one kind that are kept at most, the first ones.
MOST_OF_A_KIND = 50


def check(
    bars: Bars,
    *,
    now: datetime,
    calendar: Calendar | None = None,
    expected_until: datetime | None = None,
    may_lack: int = 0,
    history: RawBars | None = None,
) -> QualityReport:
    """Check bars for all kinds of faults; findings are most severe first.

    More than `may_lack` sessions that closed after the last bar and before `expected_until` are a finding; without
    that time the age of the bars is none. The calendar is that of the symbol unless given; a symbol that trades on
    most weekends gets one that never closes. With the `history` of the bars as traded its adjustment is checked too.
    """
    if not len(bars):
        raise UnusableBars(symbol=bars.symbol, reason=Phrase("no_bars_at_all"), when=Phrase("any_day"))
    calendar = calendar or fitting_calendar(bars, now)
    findings = [*_time_findings(bars, calendar, now), *_price_findings(bars), *_short(bars), *_unknown_exchange(bars)]
    if history is not None:
        findings += factor_faults.unfollowed(history)
    if expected_until is not None:
        findings += time_faults.stale_end(bars, calendar, expected_until, may_lack=may_lack)
    days = time_faults.days_of(bars)
    return QualityReport(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        source=bars.source,
        calendar=calendar.name,
        data_hash=bars.data_hash,
        checked_at=now.astimezone(UTC),
        first=days.min().item(),
        last=days.max().item(),
        n_bars=len(bars),
        n_sessions=len(calendar.between(days.min(), days.max())),
        n_missing=len(time_faults.missing_days(bars, calendar)),
        findings=tuple(_ranked(findings)),
    )


def require_usable(report: QualityReport, *, force: bool = False) -> None:
    """Raise BlockedBars if a finding is critical and the study is not forced."""
    critical = [finding for finding in report.findings if finding.severity is Severity.CRITICAL]
    if critical and not force:
        # No account can trade at such a price, so `force` is of no use then.
        unpriced = [finding for finding in critical if finding.kind in ("not_finite", "not_positive")]
        first, error = (unpriced or critical)[0], UnpricedBars if unpriced else BlockedBars
        raise error(symbol=report.symbol, n=len(critical), kind=first.kind, finding=first.phrase)


def fitting_calendar(bars: Bars, now: datetime) -> Calendar:
    """Calendar of the symbol's exchange, or one without closed days if there are bars on most weekends."""
    days = time_faults.days_of(bars)
    first, last = days.min().item(), days.max().item()
    is_weekend = ~np.is_busday(days)
    weekends = len(days) and np.unique(days[is_weekend]).size / max(1, (last - first).days * 2 / 7)
    name = ALWAYS if weekends > 0.5 else calendar_name(bars.symbol)
    return find_calendar(name, first, max(last, now.date()))


def _time_findings(bars: Bars, calendar: Calendar, now: datetime) -> list[DataFinding]:
    found = [*time_faults.order(bars), *time_faults.duplicates(bars), *time_faults.future(bars, now)]
    if bars.timeframe == "1d":
        found += time_faults.off_midnight(bars)
        found += [] if unknown_suffix(bars.symbol) else time_faults.closed_days(bars, calendar)
    else:
        found += time_faults.session_hours(bars, calendar)
    # Dates that are all a day off are one fault, not many missing sessions; of an unknown exchange no holiday is known.
    if not unknown_suffix(bars.symbol) and not any(finding.kind in ("shift_days", "clock") for finding in found):
        found += time_faults.missing(bars, calendar)
    return found


def _price_findings(bars: Bars) -> list[DataFinding]:
    tests = (
        price_faults.unusable,
        price_faults.inverted,
        price_faults.outside_range,
        price_faults.stale_runs,
        price_faults.no_volume,
        price_faults.jumps,
    )
    return list(chain.from_iterable(test(bars) for test in tests))


def _unknown_exchange(bars: Bars) -> list[DataFinding]:
    if not (suffix := unknown_suffix(bars.symbol)):
        return []
    facts: Facts = {"suffix": suffix, "symbol": bars.symbol.removesuffix(suffix)}
    when = price_faults.moment(bars, -1)
    return [DataFinding(kind="unknown_exchange", severity=Severity.MEDIUM, when=when, facts=facts)]


def _short(bars: Bars) -> list[DataFinding]:
    need = SHORT[-1][0]
    for least, severity in SHORT:
        if len(bars) < least:
            when, until, n = price_faults.moment(bars, 0), price_faults.moment(bars, -1), len(bars)
            facts: Facts = {"n": n, "need": need}
            return [DataFinding(kind="short", severity=severity, when=when, until=until, value=float(n), facts=facts)]
    return []


def _ranked(findings: Sequence[DataFinding]) -> list[DataFinding]:
    """Sort findings by severity, most severe first, then by time; at most MOST_OF_A_KIND of each kind."""
    kept: list[DataFinding] = []
    counts: dict[str, int] = {}
    for finding in sorted(findings, key=lambda one: (-one.severity.rank, one.when, one.kind)):
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
        if counts[finding.kind] <= MOST_OF_A_KIND:
            kept.append(finding)
    return kept


def store_report(warehouse: Warehouse, report: QualityReport) -> None:
    """Store a report, replacing an earlier one of the same bars."""
    key = [report.symbol, report.timeframe, report.source, report.data_hash]
    with warehouse.writing() as cursor:
        cursor.execute(
            "DELETE FROM quality_reports WHERE symbol = ? AND timeframe = ? AND source = ? AND data_hash = ?", key
        )
        worst = report.worst.value if report.worst else None
        checked_at = report.checked_at.replace(tzinfo=None)
        cursor.execute(
            "INSERT INTO quality_reports VALUES (?, ?, ?, ?, ?, ?, ?)",
            [*key, checked_at, worst, report.model_dump_json()],
        )
