"""Small calendar picture of the stored bars, for a terminal or a code block in Slack."""

from collections.abc import Iterable

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.market.calendars import find_calendar
from optimizer.market.quality.data_findings import QualityReport, Severity

FULL, NEARLY, PARTLY, NONE, FLAGGED, CLOSED = "█▓░·! "
_NEARLY = 0.9
MONTHS = "J F M A M J J A S O N D"


def picture(bars: Bars, report: QualityReport, *, years: int = 15) -> str:
    """Draw the last `years` years, one line per year and one mark per month; fixed width, no legend.

    FULL: every session has bars; NEARLY: nine of ten; PARTLY: fewer; NONE: none; FLAGGED: a finding of medium
    severity or worse begins in that month; CLOSED: outside the bars.
    """
    calendar = find_calendar(report.calendar, report.first, report.last)
    present = np.unique(bars.time.astype("datetime64[D]"))
    expected = calendar.between(present[0], present[-1])
    have, want = _by_month(present), _by_month(expected)
    flagged = set(_flagged_months(report))
    first, last = report.first.year, report.last.year
    lines = [f"      {MONTHS}"]
    for year in range(max(first, last - years + 1), last + 1):
        months = [f"{year}-{month:02d}" for month in range(1, 13)]
        marks = (FLAGGED if m in flagged else _mark(have.get(m, 0), want.get(m, 0)) for m in months)
        lines.append(f"{year}  {' '.join(marks)}".rstrip())
    return "\n".join(lines)


def _mark(have: int, want: int) -> str:
    if not want:
        return FULL if have else CLOSED
    share = have / want
    if share >= 1:
        return FULL
    if share >= _NEARLY:
        return NEARLY
    return PARTLY if have else NONE


def _by_month(days: np.ndarray) -> dict[str, int]:
    months, counts = np.unique(days.astype("datetime64[M]"), return_counts=True)
    return {str(month): int(n) for month, n in zip(months, counts, strict=True)}


def _flagged_months(report: QualityReport) -> Iterable[str]:
    return (f"{one.when:%Y-%m}" for one in report.findings if one.severity.rank >= Severity.MEDIUM.rank)
