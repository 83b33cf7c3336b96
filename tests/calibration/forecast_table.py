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
from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import LEVELS, Forecast, ForecastMeasure, ForecastOf, HorizonForecast
from optimizer.outlook.first_forecasts import followed_set
from optimizer.outlook.forecasts import HORIZONS, forecast_of
from optimizer.outlook.scoreboard import BEYOND_CHANCE
from optimizer.outlook.scores import coverage, crps, is_inside, lean, luck_range, pit, skill
from tests.bars import sample_bars
from tests.calibration.__main__ import DOCUMENT, write
from tests.optimizer.outlook.forecast_worlds import PER_YEAR, WORLDS, world
from tests.reports.forecasts import scored

HISTORIES = (252, 504, 1260)
AHEAD = (21, 63, 126)
#: Sharpe ratio before and after; of the last ones so many unseen bars and such a horizon.
EDGES = ((1.0, 1.0), (1.0, 0.0), (2.0, 0.0))
LONG = ((1.0, 1.0, 2520, 126), (1.0, 0.0, 2520, 126))
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
        *_simulated(options.worlds, options.seeds), _vanished(max(options.seeds // 3, 20)), _score(), _real(), _speed(),
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
    """Say how often the scoreboard sees that an edge is gone, and how often it says so of one that is there."""
    head = (
        f"An edge that vanishes when its forecasts begin, in {4 * n_worlds} worlds (the levels: {n_worlds}): how often "
        "twenty forecasts say so. *First forecast*: at any of twenty looks at it; *levels*: of forecasts made anew."
    )
    columns = (
        "Sharpe before → after, unseen bars, horizon", "first forecast", "levels lean down", "coverage below luck",
        "mean coverage", "best test of 5 %",
    )  # fmt: skip
    lines = [head, "", *_table(*columns)]
    for before, after, n, ahead in [*((*edge, 504, ahead) for edge in EDGES for ahead in AHEAD[1:]), *LONG]:
        below = np.mean([_is_below(before, after, n, ahead, seed) for seed in range(4 * n_worlds)])
        anew = _share([_twenty(before, after, ahead, seed) for seed in range(n_worlds)]) if n == 504 else ["–"] * 3
        best = _best(before - after, n, ahead, n_sets=1)
        lines.append(f"| {before:g} → {after:g}, {n:,}, {ahead} | {below:.0%} | {' | '.join(anew)} | {best} |")
    for before, after in EDGES[:2]:
        for ahead in AHEAD[1:]:
            found = _share([_twenty(before, after, ahead, seed, n_sets=20) for seed in range(n_worlds)])
            best = _best(before - after, 504, ahead, n_sets=20)
            name = f"{before:g} → {after:g}, 504, {ahead}, of twenty sets one each"
            lines.append(f"| {name} | – | {' | '.join(found)} | {best} |")
    return "\n".join(lines)


def _share(found: Sequence[tuple[float, float, float]]) -> list[str]:
    leaning, below, share = np.mean(found, axis=0)
    return [f"{leaning:.0%}", f"{below:.0%}", f"{share:.2f}"]


def _best(gone: float, n: int, ahead: int, *, n_sets: int) -> str:
    """Power of the best single look after twenty forecasts, of normal returns whose mean both samples estimate."""
    error = np.sqrt(PER_YEAR / n + n_sets * PER_YEAR / (20 * ahead))
    return f"{stats.norm.cdf(gone / error * np.sqrt(n_sets) - stats.norm.ppf(0.95)):.0%}"


def _is_below(before: float, after: float, n: int, ahead: int, seed: int) -> bool:
    """Look after each of twenty horizons at the first forecast, as the product does."""
    rng, rows = np.random.default_rng([seed, ahead, n, 13]), list[ScoredForecast]()
    [horizon] = made(world("normal", rng, n, sharpe=before), seed, (ahead,)).horizons
    quantiles = horizon.measures[0].quantiles
    said = {"low": quantiles[2], "median": quantiles[11], "high": quantiles[20], "n_days": n, "horizon_bars": ahead}
    for place in range(20):
        came = realised(world("normal", rng, ahead, sharpe=after))[ForecastMeasure.TOTAL_RETURN]
        rows.append(scored(place, value=came, **said))
        found = followed_set(rows)
        if found and found.is_below:
            return True
    return False


def _twenty(before: float, after: float, ahead: int, seed: int, *, n_sets: int = 1) -> tuple[float, float, float]:
    """Score twenty forecasts of sets in turn, each made from all bars so far when the one before has ended."""
    rng, measure, tally = np.random.default_rng([seed, ahead, n_sets, 12]), ForecastMeasure.TOTAL_RETURN, Tally()
    histories = [world("normal", rng, 504, sharpe=before) for _ in range(n_sets)]
    for number in range(20):
        history = histories[number % n_sets]
        [horizon] = made(history, 20 * seed + number, (ahead,)).horizons
        came = world("normal", rng, ahead, sharpe=after)
        tally.add(horizon, came)
        histories[number % n_sets] = np.concatenate([history, came])
    hits = sum(tally.inside_90[measure])
    return lean(tally.levels[measure]) < -BEYOND_CHANCE, hits < luck_range(20, 0.9)[0], hits / 20


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
