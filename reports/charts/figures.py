"""Pictures of a finished study: numbers in, PNG bytes out, one style.

Drawn for a phone: the type is readable at 360 pixels of width. The paper is opaque, so that a chart looks
the same on a light and on a dark screen; colours are from Okabe and Ito's palette and cividis, and every
series also differs in line, mark or place. Labels are in the reader's language, in the font of `fonts.py`.
"""

import io
from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from optimizer.domain.results.regime_results import RegimeRun
from optimizer.domain.space import Params, Value, tidy
from optimizer.domain.study_results import Curve, Fold, Interval, Surface
from reports.charts.chart_labels import ChartLabels
from reports.charts.regime_strip import HEIGHT, regime_strip
from reports.text.numbers import MINUS, PERCENT_GOALS

SIZE = (5.0, 3.9)  # inches; at 360 pixels of width a point is one pixel
DPI = 216
PAPER, INK, SOFT, GRID = "#fbfaf7", "#1f2328", "#5f6670", "#e2dfd6"
BLUE, ORANGE, VERMILION, GREEN = "#0072b2", "#e69f00", "#d55e00", "#009e73"
MAX_POINTS = 2000  # of a line; more cannot be seen
KEPT = 0.8  # of the winner's value: what a plateau keeps

FloatArray = NDArray[np.float64]
Points = Sequence[tuple[float, float]]
Where = Literal["best", "upper left", "lower right"]


class Fan(NamedTuple):
    """Forecast of a total return: today's 0 first, then each horizon."""

    days: Sequence[date]
    horizons: Sequence[int]  # bars, of all days but the first
    bands: Sequence[Sequence[float]]  # 5, 25, 50, 75 and 95 % quantile at each day
    hold: Sequence[float] | None  # buy and hold's median at each day


def equity(
    say: ChartLabels,
    curve: Curve,
    *,
    holdout_start: date | None,
    title: str,
    regimes: Sequence[RegimeRun] = (),
) -> bytes:
    """Growth of 1 for winner and hold, the held-out bars shaded, the winner's drawdown, and the kinds of markets."""
    figure = _figure()
    top, below, *strips = _stacked(figure, has_strip=bool(regimes))
    figure.align_ylabels((top, below))
    _dress(top, title)
    _dress(below, "")
    winner, buy_and_hold = np.array(curve.winner), np.array(curve.buy_and_hold)
    days = np.array(curve.dates, dtype="datetime64[D]")
    at = _thinned(len(days))
    top.plot(days[at], buy_and_hold[at], color=SOFT, linewidth=1.2, linestyle=(0, (4, 1.5)), label=say["buy_and_hold"])
    top.plot(days[at], winner[at], color=BLUE, linewidth=1.8, label=say["winner"])
    _growth_axis(say, top, np.concatenate([winner, buy_and_hold]))
    _drawdown(say, below, days[at], (winner / np.maximum.accumulate(winner) - 1)[at])
    if holdout_start is not None:
        _shade_holdout((top, below), np.datetime64(holdout_start), days[-1], say["held_out"])
    _date_axis(say, below)
    for strip in strips:
        _dress(strip, "")
        regime_strip(say, strip, regimes, curve.dates[-1], ink=INK)
        _date_axis(say, strip)
    _legend(top, "upper left")
    return _png(figure)


def _stacked(figure: Figure, *, has_strip: bool) -> list[Axes]:
    """Axes of the growth, of the drawdown below it, and of a strip at the foot where there is one."""
    heights = (2.6, 1.0, HEIGHT) if has_strip else (2.6, 1.0)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    figure.subplots_adjust(hspace=0.08, bottom=0.15 if has_strip else 0.09)
    return list(axes)


def _drawdown(say: ChartLabels, axes: Axes, days: NDArray[np.datetime64], fall: FloatArray) -> None:
    axes.fill_between(days, fall, 0, color=BLUE, alpha=0.35, linewidth=0)
    axes.plot(days, fall, color=BLUE, linewidth=0.8)
    axes.yaxis.set_major_formatter(FuncFormatter(_percent_tick))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_ylabel(say["drawdown"])


def history(
    say: ChartLabels,
    numbers: Sequence[int],
    values: Sequence[float],
    *,
    goal: str,
    goal_name: str,
    luck: float | None,
    title: str,
) -> bytes:
    """Every feasible trial's value and the best so far; `luck` is the best that as many tries show without skill."""
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    if not numbers:
        return _empty(figure, axes, say["no_trial"])
    axes.scatter(numbers, values, s=14, color=BLUE, alpha=0.55, linewidths=0, label=say["trial"])
    best = np.maximum.accumulate(np.array(values))
    axes.step(numbers, best, where="post", color=INK, linewidth=1.6, label=say["best_so_far"])
    if numbers[0] == 0:
        axes.scatter(
            [0],
            values[:1],
            s=70,
            marker="D",
            color=ORANGE,
            edgecolors=INK,
            linewidths=0.8,
            zorder=4,
            label=say["default"],
        )
    if luck is not None:
        axes.axhline(luck, color=VERMILION, linewidth=1.4, linestyle=(0, (5, 2)), label=say["luck"])
    _goal_axis(axes.yaxis, goal)
    axes.set_xlabel(say["trial"])
    axes.set_ylabel(say.said("inside", goal_name))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _legend(axes, "lower right")
    return _png(figure)


def heatmap(
    say: ChartLabels, surface: Surface, *, winner: Params, value: float | None, goal: str, goal_name: str, title: str
) -> bytes:
    """The goal over the two most important parameters: winner marked, cells that keep 80 % of its value framed."""
    figure = _figure()
    figure.subplots_adjust(bottom=0.175)
    axes = figure.subplots()
    _dress(axes, title)
    axes.grid(visible=False)
    grid = np.array([[np.nan if v is None else v for v in row] for row in surface.values], dtype=float)
    axes.set_facecolor("#c9c6bd")
    mesh = axes.pcolormesh(np.ma.masked_invalid(grid), cmap="cividis", rasterized=True)
    bar = figure.colorbar(mesh, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=SOFT, labelsize=9)
    bar.set_label(say.said("inside", goal_name), color=INK, fontsize=10)
    _goal_axis(bar.ax.yaxis, goal)
    if value is not None and value > 0:
        _frame_plateau(axes, np.nan_to_num(grid, nan=-np.inf) >= KEPT * value)
    _mark_winner(axes, surface, winner, say["winner"])
    _value_axis(axes, "x", surface.x_values)
    _value_axis(axes, "y", surface.y_values)
    axes.set_xlabel(surface.x)
    axes.set_ylabel(surface.y)
    _note(figure, say["heatmap_note"])
    return _png(figure)


def scatter(
    say: ChartLabels,
    points: Points,
    *,
    winner: tuple[float, float] | None,
    goal: str,
    goal_name: str,
    title: str,
) -> bytes:
    """Every feasible trial in sample against out of sample: a cloud without slope means that rank is luck."""
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    inside, outside = np.array(points, dtype=float).reshape(-1, 2).T
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.scatter(inside, outside, s=16, color=BLUE, alpha=0.5, linewidths=0, label=say["trial"])
    if winner is not None:
        _star(axes, *winner, say["winner"])
    _equal_line(axes, inside, outside, say["same_as_inside"])
    _goal_axis(axes.xaxis, goal)
    _goal_axis(axes.yaxis, goal)
    axes.set_xlabel(say.said("inside", goal_name))
    axes.set_ylabel(say["outside"])
    _legend(axes, "best")
    return _png(figure)


def pareto(
    say: ChartLabels,
    points: Points,
    *,
    front: Points,
    winner: tuple[float, float],
    knee: tuple[float, float] | None,
    unseen: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    goals: tuple[str, str],
    goal_names: tuple[str, str],
    title: str,
) -> bytes:
    """Every feasible trial by its two goals, the Pareto set joined, and where its listed sets lie out of sample.

    `unseen` are pairs of a set's place in sample and out of sample.
    """
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    axes.scatter(*_columns(points), s=14, color=BLUE, alpha=0.45, linewidths=0, label=say["trial"])
    axes.plot(*_columns(front), color=INK, linewidth=1.4, marker="o", markersize=3.5, label=say["pareto_set"])
    for inside, outside in unseen:
        axes.plot(*_columns((inside, outside)), color=SOFT, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    if unseen:
        places = _columns([outside for _, outside in unseen])
        axes.scatter(*places, s=34, marker="s", facecolors=PAPER, edgecolors=VERMILION, label=say["outside"], zorder=3)
    _star(axes, *winner, say["winner"])
    if knee is not None:
        _mark(axes, knee[0], knee[1], "D", GREEN, say["knee"])
    _goal_axis(axes.xaxis, goals[0])
    _goal_axis(axes.yaxis, goals[1])
    axes.set_xlabel(goal_names[0])
    axes.set_ylabel(goal_names[1])
    _legend(axes, "best")
    return _png(figure)


def folds(say: ChartLabels, steps: Sequence[Fold], *, goal: str, goal_name: str, title: str) -> bytes:
    """Each walk-forward fold: what the fit promised and what the following bars gave."""
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    axes.axhline(0, color=INK, linewidth=0.8)
    places = np.arange(len(steps))
    inside = np.array([_known(step.in_sample) for step in steps])
    outside = np.array([_known(step.out_of_sample) for step in steps])
    axes.vlines(places, inside, outside, color=SOFT, linewidth=1.2)
    axes.scatter(
        places,
        inside,
        s=70,
        marker="o",
        facecolors=PAPER,
        edgecolors=BLUE,
        linewidths=1.8,
        zorder=3,
        label=say["fitted"],
    )
    axes.scatter(places, outside, s=70, marker="s", color=VERMILION, zorder=3, label=say["followed"])
    axes.set_xticks(places, [_fold(say, step) for step in steps])
    axes.set_xlim(-0.5, len(steps) - 0.5)
    axes.margins(y=0.2)
    _goal_axis(axes.yaxis, goal)
    axes.set_ylabel(goal_name)
    _legend(axes, "best")
    return _png(figure)


def bootstrap(
    say: ChartLabels, sharpes: Sequence[float], *, interval: Interval | None, buy_and_hold: float | None, title: str
) -> bytes:
    """The out-of-sample Sharpe ratios that resampled histories give, with the 90 % interval, zero and hold."""
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    axes.hist(sharpes, bins=24, color=BLUE, alpha=0.55, edgecolor=PAPER, linewidth=0.6)
    if interval is not None and interval.low is not None and interval.high is not None:
        axes.axvspan(interval.low, interval.high, color=ORANGE, alpha=0.16, linewidth=0, label=say["interval"])
    axes.axvline(0, color=INK, linewidth=1.2, label=say["zero"])
    if buy_and_hold is not None:
        axes.axvline(buy_and_hold, color=VERMILION, linewidth=1.4, linestyle=(0, (5, 2)), label=say["buy_and_hold"])
    _goal_axis(axes.xaxis, "sharpe")
    axes.set_xlabel(say["sharpe_outside"])
    axes.set_ylabel(say["histories"])
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    _legend(axes, "best")
    return _png(figure)


def fan(say: ChartLabels, fan: Fan, *, title: str) -> bytes:
    """Range of the total return up to each horizon: the median, where half and nine tenths of the paths are."""
    figure = _figure()
    axes = figure.subplots()
    _dress(axes, title)
    days = np.array(fan.days, dtype="datetime64[D]")
    low, lower, median, upper, high = np.array(fan.bands).T
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.fill_between(
        days, low, high, facecolor=BLUE, alpha=0.14, edgecolor=BLUE, linewidth=0, hatch="///", label=say["band_90"]
    )
    axes.fill_between(days, lower, upper, color=BLUE, alpha=0.38, linewidth=0, label=say["band_50"])
    axes.plot(days, median, color=BLUE, linewidth=1.8, marker="o", markersize=4, label=say["median_path"])
    if fan.hold is not None:
        axes.plot(days, fan.hold, color=INK, linewidth=1.2, linestyle=(0, (4, 1.5)), label=say["hold_median"])
    for day, bottom, n_bars in zip(days[1:], low[1:], fan.horizons, strict=True):
        axes.annotate(
            f"{n_bars}", (day, bottom), fontsize=8, color=SOFT, ha="right", va="top", xytext=(0, -3),
            textcoords="offset points",
        )  # fmt: skip
    axes.margins(x=0.0, y=0.12)
    axes.yaxis.set_major_formatter(FuncFormatter(_percent_tick))
    axes.set_ylabel(say["return_ahead"])
    _date_axis(say, axes)
    _legend(axes, "upper left")
    _note(figure, say["fan_note"])
    return _png(figure)


def _figure() -> Figure:
    """An empty page. The margins are set, not computed: that would draw everything twice."""
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.155, right=0.965, top=0.92, bottom=0.135)
    return figure


def _dress(axes: Axes, title: str) -> None:
    axes.set_facecolor(PAPER)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, labelcolor=INK, labelsize=9, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(SOFT)
    axes.xaxis.label.set(color=INK, fontsize=10)
    axes.yaxis.label.set(color=INK, fontsize=10)
    if title:
        _literal(axes.set_title(_drawable(title), loc="left", fontsize=11, color=INK, fontweight="bold"))


def _literal(text: Text) -> None:
    """Dollar signs are part of a symbol here, never mathematics."""
    text.set_parse_math(False)


def _drawable(text: str) -> str:
    """A title without the characters that both fonts lack."""
    return "".join(c if c.isascii() or c in "·–−" or "가" <= c <= "힣" else "?" for c in " ".join(text.split()))[:48]


def _legend(axes: Axes, where: Where) -> None:
    legend = axes.legend(loc=where, fontsize=9, frameon=True, labelcolor=INK, borderpad=0.3, handlelength=1.8)
    legend.get_frame().set(facecolor=PAPER, edgecolor="none", alpha=0.8)


def _note(figure: Figure, text: str) -> None:
    figure.text(0.5, 0.02, text, fontsize=8, color=SOFT, ha="center")


def _thinned(n: int) -> NDArray[np.intp]:
    """At most MAX_POINTS rows of n, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(np.intp))


def _growth_axis(say: ChartLabels, axes: Axes, values: FloatArray) -> None:
    axes.set_ylabel(say["growth"])
    if values.min() > 0 and values.max() / values.min() > 3:
        axes.set_yscale("log")
        axes.set_ylabel(say["growth_log"])
        low, high = values.min(), values.max()
        ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low / 1.1 <= t <= high * 1.1]
        axes.set_yticks(ticks)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tidy(v)))


def _shade_holdout(panels: Sequence[Axes], start: np.datetime64, end: np.datetime64, label: str) -> None:
    for axes in panels:
        axes.axvspan(start, end, color=ORANGE, alpha=0.18, linewidth=0, zorder=0)  # type: ignore[arg-type]
    panels[0].annotate(
        label, (start, 0.03), xycoords=("data", "axes fraction"), fontsize=9, color=INK, ha="left", xytext=(3, 0),
        textcoords="offset points",
    )  # fmt: skip


def _date_axis(say: ChartLabels, axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, **say.dates))  # type: ignore[no-untyped-call]


def _percent_tick(value: float, _: int) -> str:
    return (tidy(round(value * 100, 2)) + "%").replace("-", MINUS)


def _goal_axis(axis: object, goal: str) -> None:
    tick = _percent_tick if goal in PERCENT_GOALS else lambda v, _: tidy(round(v, 6)).replace("-", MINUS)
    axis.set_major_formatter(FuncFormatter(tick))  # type: ignore[attr-defined]


def _mark(axes: Axes, x: ArrayLike, y: ArrayLike, marker: str, color: str, label: str) -> None:
    axes.scatter(x, y, s=70, marker=marker, color=color, edgecolors=INK, linewidths=1.0, zorder=4, label=label)


def _columns(points: Points) -> tuple[FloatArray, FloatArray]:
    """Both coordinates of some points."""
    across, up = np.array(points, dtype=float).reshape(-1, 2).T
    return across, up


def _fold(say: ChartLabels, step: Fold) -> str:
    return say.said("fold", f"{step.test_start:%Y-%m}", f"{step.test_end:%Y-%m}")


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def _equal_line(axes: Axes, inside: FloatArray, outside: FloatArray, label: str) -> None:
    low, high = min(inside.min(), outside.min()), max(inside.max(), outside.max())
    limits = axes.get_xlim(), axes.get_ylim()
    axes.plot([low, high], [low, high], color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)), label=label)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _star(axes: Axes, x: float, y: float, label: str) -> None:
    axes.scatter([x], [y], s=190, marker="*", color=ORANGE, edgecolors=INK, linewidths=0.9, zorder=5, label=label)


def _mark_winner(axes: Axes, surface: Surface, winner: Params, label: str) -> None:
    at = winner.get(surface.x), winner.get(surface.y)
    if at[0] in surface.x_values and at[1] in surface.y_values:
        _star(axes, surface.x_values.index(at[0]) + 0.5, surface.y_values.index(at[1]) + 0.5, label)


def _frame_plateau(axes: Axes, kept: NDArray[np.bool_]) -> None:
    """Lines along the edges between cells that keep the winner's value and cells that do not."""
    wide = np.pad(kept, 1)
    rows, columns = np.nonzero(wide[1:, 1:-1] != wide[:-1, 1:-1])
    axes.hlines(rows, columns, columns + 1, color=VERMILION, linewidth=2.2, zorder=4)
    rows, columns = np.nonzero(wide[1:-1, 1:] != wide[1:-1, :-1])
    axes.vlines(columns, rows, rows + 1, color=VERMILION, linewidth=2.2, zorder=4)


def _value_axis(axes: Axes, which: str, values: Sequence[Value]) -> None:
    step = max(1, -(-len(values) // 7))
    shown = range(0, len(values), step)
    labels = [v if isinstance(v, str) else tidy(float(v)).replace("-", MINUS) for v in (values[i] for i in shown)]
    (axes.set_xticks if which == "x" else axes.set_yticks)([i + 0.5 for i in shown], labels)


def _empty(figure: Figure, axes: Axes, text: str) -> bytes:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=SOFT, fontsize=11)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    paper = io.BytesIO()
    # The usual compression takes a fifth of all drawing, and makes files a fifth smaller.
    figure.savefig(paper, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 1})
    return paper.getvalue()
