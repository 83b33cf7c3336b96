"""Numbers of the charts that Slack draws itself: few points, each under a label of its own.

Source: docs.slack.dev/reference/block-kit/blocks/data-visualization-block: 20 points a series, 20 characters a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudySummary
from reports.text.numbers import PERCENT_GOALS

#: Most points of a series.
MAX_POINTS = 20
#: Characters of a study's name in a title of at most 50.
MAX_NAME = 24
#: Symbols that a title names.
_MOST_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class ChartPoints:
    """Two series over the same labels."""

    labels: tuple[str, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]


def equity_points(summary: StudySummary) -> ChartPoints | None:
    """Return the equities of winner and buy and hold, from 1.0, at MAX_POINTS dates: the ends and the held-out start.

    None where there are fewer than two dates.
    """
    curve = summary.curve
    by_date = dict(zip(curve.dates, zip(curve.winner, curve.buy_and_hold, strict=True), strict=True))
    if len(by_date) < 2:
        return None
    dates = list(by_date)
    rows = set(_spread(len(dates), MAX_POINTS - 1))
    start = summary.window.holdout_start
    if start is not None and dates[0] <= start <= dates[-1]:
        rows.add(next(row for row, day in enumerate(dates) if day >= start))
    chosen = [dates[row] for row in sorted(rows)]
    return ChartPoints(
        labels=tuple(f"{day:%Y-%m-%d}" for day in chosen),
        first=tuple(by_date[day][0] for day in chosen),
        second=tuple(by_date[day][1] for day in chosen),
    )


def fold_points(summary: StudySummary, goal: str) -> ChartPoints | None:
    """Return the goal in each walk-forward fold and on the bars that followed, percentages as such.

    None where fewer than two folds have both values, or more than a chart can show.
    """
    folds = summary.walk_forward.folds if summary.walk_forward else ()
    scale = 100.0 if goal in PERCENT_GOALS else 1.0
    known = {
        f"{fold.test_start:%Y-%m-%d}": (fold.in_sample * scale, fold.out_of_sample * scale)
        for fold in folds
        if fold.in_sample is not None and fold.out_of_sample is not None
    }
    if not 2 <= len(known) <= MAX_POINTS:
        return None
    first, second = zip(*known.values(), strict=True)
    return ChartPoints(labels=tuple(known), first=first, second=second)


def chart_name(spec: StudySpec) -> str:
    """Return what a chart's title calls a study: its symbols, or how many, and its strategy."""
    symbols = spec.symbols
    name = spec.label if len(symbols) <= _MOST_NAMED else f"{len(symbols)} symbols"
    return f"{name} {spec.strategy_name.upper()}"


def short_name(spec: StudySpec) -> str:
    """Return the same in at most MAX_NAME characters."""
    name = chart_name(spec)
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _spread(n: int, most: int) -> Sequence[int]:
    """Return at most `most` rows of n, evenly apart, the first and the last among them."""
    found: list[int] = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)).tolist()
    return found
