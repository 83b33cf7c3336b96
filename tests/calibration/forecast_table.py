"""`python -m tests.calibration.forecast_table`: whether forecasts hold what they say, on worlds whose truth is known.

Coverage of the 90 % and of the 50 % band in worlds with a true Sharpe ratio of 1, uniformity of the realised levels,
a vanished edge, the error of a score from 23 quantiles, and buy and hold of the sample's shares.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from scipy import stats

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.forecast_results import LEVELS, Forecast, ForecastMeasure, ForecastOf, HorizonForecast
from optimizer.outlook.forecasts import HORIZONS, forecast_of
from optimizer.outlook.scores import coverage, crps, is_inside, lean, luck_range, pit, skill
from tests.bars import sample_bars
from tests.calibration.__main__ import DOCUMENT, write
from tests.optimizer.outlook.forecast_worlds import PER_YEAR, WORLDS, world

HISTORIES = (252, 504, 1260)
AHEAD = (21, 63, 126)
SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG")
NAMES = dict(zip(ForecastMeasure, ("return", "Sharpe", "drawdown", "volatility"), strict=True))
_DAY = date(2020, 1, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print every table, and put them into docs/calibration.md where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.forecast_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="histories of each world and length")
    parser.add_argument("--worlds", nargs="*", default=[*WORLDS], choices=[*WORLDS])
    parser.add_argument("--write", action="store_true", help=f"put the tables into {Path('docs', DOCUMENT.name)}")
    options = parser.parse_args(arguments)
    began = time.process_time()
    parts = [
        *_simulated(options.worlds, options.seeds), _vanished(max(options.seeds // 4, 20)), _score(), _real(), _speed(),
    ]  # fmt: skip
    print(text := "\n\n".join(parts))
    if options.write:
        write(text, name="forecasts")
    print(f"\n{time.process_time() - began:.0f} s of processor time")


def made(returns: FloatArray, seed: int, horizons: Sequence[int] = AHEAD) -> Forecast:
    """Forecast of returns with their own normal twin."""
    return forecast_of(
        returns,
        of=ForecastOf.WINNER,
        as_of=_DAY + timedelta(seed),
        target_dates=dict.fromkeys(HORIZONS, _DAY),
        periods_per_year=PER_YEAR,
        naive_returns=returns,
        seed=seed,
        horizons=horizons,
    )


def realised(returns: FloatArray) -> dict[ForecastMeasure, float]:
    """Measures of what came; without movement there is no Sharpe ratio."""
    equity, deviation = np.cumprod(1.0 + returns), float(returns.std(ddof=1))
    fall = float(min((equity / np.maximum(np.maximum.accumulate(equity), 1.0) - 1.0).min(), 0.0))
    found = {ForecastMeasure.TOTAL_RETURN: float(equity[-1] - 1.0), ForecastMeasure.MAX_DRAWDOWN: fall,
             ForecastMeasure.ANNUAL_VOLATILITY: deviation * np.sqrt(PER_YEAR)}  # fmt: skip
    if deviation:
        found[ForecastMeasure.SHARPE_RATIO] = float(returns.mean()) / deviation * np.sqrt(PER_YEAR)
    return found


class Tally:
    """What became of many forecasts of one kind, by measure."""

    def __init__(self) -> None:
        self.inside_90: dict[ForecastMeasure, list[bool]] = defaultdict(list)
        self.inside_50: dict[ForecastMeasure, list[bool]] = defaultdict(list)
        self.levels: dict[ForecastMeasure, list[float]] = defaultdict(list)
        self.scores: dict[ForecastMeasure, list[tuple[float, float]]] = defaultdict(list)

    def add(self, horizon: HorizonForecast, returns: FloatArray) -> None:
        """Score one horizon with the returns that came."""
        came = realised(returns)
        for one in horizon.measures:
            if one.measure in came and None not in one.quantiles:
                value, quantiles = came[one.measure], [float(q or 0.0) for q in one.quantiles]
                self.inside_90[one.measure].append(is_inside(quantiles, value, 0.9))
                self.inside_50[one.measure].append(is_inside(quantiles, value, 0.5))
                self.levels[one.measure].append(pit(quantiles, value))
                self.scores[one.measure].append((crps(quantiles, value), crps([q or 0.0 for q in one.naive], value)))

    def shares(self, which: dict[ForecastMeasure, list[bool]]) -> FloatArray:
        """(4,) shares in the order of the measures."""
        return np.array([np.mean(which[measure]) for measure in ForecastMeasure])


def _table(*columns: str) -> list[str]:
    return [f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]


def _simulated(names: Sequence[str], n_seeds: int) -> Iterator[str]:
    tallies = {key: Tally() for key in ((name, n, ahead) for name in names for n in HISTORIES for ahead in AHEAD)}
    for name in names:
        for n in HISTORIES:
            for seed in range(n_seeds):
                whole = world(name, np.random.default_rng([seed, n, 11]), n + AHEAD[-1])
                for horizon in made(whole[:n], seed).horizons:
                    tallies[name, n, horizon.n_bars].add(horizon, whole[n : n + horizon.n_bars])
    head = f"Coverage of the 90 % band (of the 50 % band), {n_seeds} histories each:"
    lines = [
        head,
        "",
        "| history → horizon, world | return | Sharpe | drawdown | volatility |",
        "| --- |" + " ---: |" * 4,
    ]
    rows = {key: (one.shares(one.inside_90), one.shares(one.inside_50)) for key, one in tallies.items()}
    lines += [_row(f"{n:,} → {ahead}, {name}", *rows[name, n, ahead]) for name, n, ahead in rows]
    for n in HISTORIES:
        mean = [np.mean([pair[i] for key, pair in rows.items() if key[1] == n], axis=0) for i in (0, 1)]
        lines.append(_row(f"**mean, {n:,} bars**", *mean))
    yield "\n".join(lines)
    yield _uniformity(tallies)


def _row(name: str, outer: FloatArray, inner: FloatArray) -> str:
    cells = " | ".join(f"{ninety:.3f} ({fifty:.2f})" for ninety, fifty in zip(outer, inner, strict=True))
    return f"| {name} | {cells} |"


def _uniformity(tallies: dict[tuple[str, int, int], Tally]) -> str:
    head = "Levels of what came, 504 → 63: the mean, and the p value of Kolmogorov and Smirnov for uniform ones:"
    lines = [head, "", *_table("world", *NAMES.values())]
    for (name, n, ahead), tally in tallies.items():
        if (n, ahead) == (504, 63):
            levels = [np.array(tally.levels[measure]) for measure in ForecastMeasure]
            cells = " | ".join(f"{one.mean():.2f}, p {stats.kstest(one, 'uniform').pvalue:.2f}" for one in levels)
            lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _vanished(n_worlds: int) -> str:
    """Say how often the scoreboard sees that an edge is gone, by the levels of what came and by coverage."""
    head = f"An edge that vanishes after 504 bars, in {n_worlds} worlds: how often twenty forecasts in a row say so."
    columns = ("Sharpe before → after, horizon", "levels lean down", "coverage below luck", "mean coverage")
    lines = [head, "", *_table(*columns)]
    for before, after in ((1.0, 1.0), (1.0, 0.0), (2.0, 0.0)):
        for ahead in (63, 126):
            leaning, below, share = np.mean([_twenty(before, after, ahead, seed) for seed in range(n_worlds)], axis=0)
            lines.append(f"| {before:g} → {after:g}, {ahead} | {leaning:.0%} | {below:.0%} | {share:.2f} |")
    return "\n".join(lines)


def _twenty(before: float, after: float, ahead: int, seed: int) -> tuple[float, float, float]:
    """Score twenty forecasts, each made from all bars so far when the one before has ended."""
    rng, measure, tally = np.random.default_rng([seed, ahead, 12]), ForecastMeasure.TOTAL_RETURN, Tally()
    history = world("normal", rng, 504, sharpe=before)
    for number in range(20):
        [horizon] = made(history, 20 * seed + number, (ahead,)).horizons
        came = world("normal", rng, ahead, sharpe=after)
        tally.add(horizon, came)
        history = np.concatenate([history, came])
    hits = sum(tally.inside_90[measure])
    return lean(tally.levels[measure]) < -1.96, hits < luck_range(20, 0.9)[0], hits / 20


def _score() -> str:
    """Error of the score of 23 quantiles of a normal distribution, beside the exact one."""
    quantiles, came = stats.norm.ppf(LEVELS).tolist(), np.random.default_rng(3).normal(size=5000)
    exact = came * (2 * stats.norm.cdf(came) - 1) + 2 * stats.norm.pdf(came) - 1 / np.sqrt(np.pi)
    ours = np.array([crps(quantiles, value) for value in came])
    worst = float(np.abs(ours / exact - 1).max())
    return f"CRPS of 23 quantiles: {ours.mean() / exact.mean() - 1:+.2%} on average, at most {worst:.1%} off."


def _real() -> str:
    head = (
        "Buy and hold of the sample's shares, a forecast each 63 bars from all before (504 or more), none overlapping:"
    )
    lines = [head, "", *_table("symbol", "forecasts", *NAMES.values(), "CRPS beside the naive twin's")]
    pooled = Tally()
    for symbol in SYMBOLS:
        own, close = Tally(), sample_bars(symbol).close
        returns = close[1:] / close[:-1] - 1.0
        for n in range(504, len(returns) - 63 + 1, 63):
            [horizon] = made(returns[:n], n, (63,)).horizons
            for tally in (own, pooled):
                tally.add(horizon, returns[n : n + 63])
        lines.append(_held(symbol, own))
    return "\n".join([*lines, _held("**all**", pooled)])


def _held(name: str, tally: Tally) -> str:
    found = [coverage(tally.inside_90[measure]) for measure in ForecastMeasure]
    cells = " | ".join(f"{one.n_inside / one.n:.2f} ({one.low:.2f}–{one.high:.2f})" for one in found)
    pairs = [np.array(tally.scores[measure]).T for measure in ForecastMeasure]
    skills = ", ".join(f"{NAMES[m]} {skill(*pair):+.0%}" for m, pair in zip(ForecastMeasure, pairs, strict=True))
    return f"| {name} | {found[0].n} | {cells} | {skills} |"


def _speed() -> str:
    returns, spent = world("garch", np.random.default_rng(1), 1260), []
    for seed in range(9):
        began = time.process_time()
        made(returns, seed, HORIZONS)
        made(returns + 1e-4, seed, HORIZONS)
        spent.append(time.process_time() - began)
    median = 1e3 * float(np.median(spent))
    return f"All measures and four horizons of winner and hold, 1,260 bars: {median:.0f} ms of processor time."


if __name__ == "__main__":
    main()
