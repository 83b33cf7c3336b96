"""What there is to see of a finished study: the names of its files, known without drawing any.

Whoever only points at charts need not load what draws them.
"""

from collections.abc import Mapping

from optimizer.domain.study_results import StudySummary, Verdict

REPORT = "report.html"
#: The charts, in the order a report shows them.
CHARTS = ("equity", "history", "heatmap", "scatter", "folds", "bootstrap")

#: The chart beside the equity that shows the verdict's reason: the search against luck, or the fall out of sample.
_TELLING = {
    Verdict.STRONG: "history",
    Verdict.PROMISING: "history",
    Verdict.UNPROVEN: "history",
    Verdict.OVERFIT: "scatter",
}


def expected(summary: StudySummary) -> tuple[str, ...]:
    """The names of the charts that `pictures` draws of a study, known before they are drawn."""
    folds = summary.walk_forward.folds if summary.walk_forward else ()
    there = {
        "equity": len(summary.curve.dates) >= 2,
        "heatmap": summary.surface is not None,
        "scatter": bool(summary.scatter),
        "folds": bool(folds),
        "bootstrap": bool(summary.bootstrap_sharpes),
    }
    return tuple(name for name in CHARTS if there.get(name, True))


def for_thread(summary: StudySummary, names: Mapping[str, object]) -> tuple[str, ...]:
    """The two charts that matter most for the verdict, of those there are."""
    telling = _TELLING[summary.verdict]
    return tuple(name for name in ("equity", telling if telling in names else "history") if name in names)
