"""What there is to see of a finished study: the names of its files, known without drawing any.

Whoever only points at charts need not load what draws them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optimizer.domain.study_results import StudySummary, Verdict

REPORT = "report.html"
#: The charts in the order a report shows them, each with whether a study has the numbers for it.
CHARTS: Mapping[str, Callable[[StudySummary], bool]] = MappingProxyType(
    {
        "equity": lambda summary: len(summary.curve.dates) >= 2,
        "pareto": lambda summary: summary.pareto is not None,
        "history": lambda summary: True,
        "heatmap": lambda summary: summary.surface is not None,
        "scatter": lambda summary: bool(summary.scatter),
        "folds": lambda summary: summary.walk_forward is not None and bool(summary.walk_forward.folds),
        "bootstrap": lambda summary: bool(summary.bootstrap_sharpes),
        "forecast": lambda summary: bool(summary.forecasts),
    }
)

#: The chart beside the equity that shows the verdict's reason: the search against luck, or the fall out of sample.
_TELLING = {
    Verdict.STRONG: "history",
    Verdict.PROMISING: "history",
    Verdict.UNPROVEN: "history",
    Verdict.FAILED_UNSEEN: "history",
    Verdict.OVERFIT: "scatter",
}


def expected(summary: StudySummary) -> tuple[str, ...]:
    """The names of the charts that `pictures` draws of a study, known before they are drawn."""
    return tuple(name for name, has_numbers in CHARTS.items() if has_numbers(summary))


def for_thread(summary: StudySummary, names: Mapping[str, object]) -> tuple[str, ...]:
    """The two charts that matter most, of those there are: the equity, and the goals where there are two."""
    telling = ("pareto", _TELLING[summary.verdict], "history")
    return tuple(name for name in ("equity", next(name for name in telling if name in names)) if name in names)
