"""Strip of the kinds of markets under a chart over time: four colours that also differ in hatching."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from optimizer.domain.results.regime_results import Regime, RegimeRun
from reports.charts.chart_labels import ChartLabels

#: Face, edge and hatching of each kind; colours from Okabe and Ito's palette, light enough for the lines on them.
LOOKS = {
    Regime.BULLISH: ("#8fd3bf", "#009e73", "///"),
    Regime.BEARISH: ("#f0b48c", "#d55e00", "\\\\\\"),
    Regime.VOLATILE: ("#e3b8cf", "#9c3f74", "xxx"),
    Regime.SIDEWAYS: ("#d9dbde", "#5f6670", ""),
}
#: Height of the strip over that of the chart above it.
HEIGHT = 0.22


def regime_strip(say: ChartLabels, axes: Axes, runs: Sequence[RegimeRun], end: date, *, ink: str) -> None:
    """Draw the runs, in order and the last one up to `end`; a run without a label stays empty."""
    ends = [*(run.start for run in runs[1:]), end]
    for run, stop in zip(runs, ends, strict=True):
        if run.regime is not None:
            face, edge, hatch = LOOKS[run.regime]
            span = np.datetime64(run.start), np.datetime64(stop)
            axes.axvspan(*span, facecolor=face, edgecolor=edge, hatch=hatch, linewidth=0)  # type: ignore[arg-type]
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.legend(
        handles=[_patch(say, regime) for regime in Regime],
        loc="upper center",
        bbox_to_anchor=(0.45, -1.0),
        ncols=len(Regime),
        fontsize=9,
        frameon=False,
        labelcolor=ink,
        handlelength=1.6,
        columnspacing=1.2,
    )


def _patch(say: ChartLabels, regime: Regime) -> Patch:
    face, edge, hatch = LOOKS[regime]
    return Patch(facecolor=face, edgecolor=edge, hatch=hatch, linewidth=0, label=say.regimes[regime])
