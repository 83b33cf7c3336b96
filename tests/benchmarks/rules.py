"""How fast rules in words are: reading a sentence, and scoring sets beside a built-in strategy.

    python -m tests.benchmarks rules [--rounds 15]

Each figure is the median of rounds in which the rule and the built-in strategy take turns, from raw prices (nothing is
computed yet) or warm (the masks exist). The rule that trades like `rsi2` makes the same trades; the one of five
clauses reads five indicators.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator, warm
from optimizer.strategies.declaration import Strategy
from optimizer.strategies.registry import STRATEGIES
from optimizer.strategies.rules.compiling import strategy_of_rule
from optimizer.strategies.rules.reading import parse_rule
from tests.bars import sample_bars

ALIKE = "buy when rsi(2) < 10 and close > sma(200); sell when rsi(2) > 70"
FIVE = (
    "buy when rsi(2) < 10 and close > sma(200) and close > ema(100) and volume > volsma(20) and roc(5) < 0; "
    "sell when rsi(2) > 70"
)
KOREAN = "RSI가 30 아래이고 종가가 200일선 위면 매수, RSI가 55 위면 매도"


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks rules", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    n_rounds = parser.parse_args(arguments).rounds
    warm()
    bars = sample_bars("AAPL").cut(0, 1258 + 400)
    for name, text in (("English, five clauses", FIVE), ("Korean", KOREAN)):
        print(f"read a sentence: {name:<30}{1e3 * _median(lambda text=text: _read(text), n_rounds):>8.3f} ms  ≤ 1 ms")
    print(f"\n{'sets from raw prices':<36}{'rsi2':>10}{'rule':>10}{'ratio':>8}")
    for name, text, most in (("like rsi2", ALIKE, 1.5), ("five clauses", FIVE, 2.0)):
        for n_sets in (200, 5_000):
            ours, theirs = _paired(bars, text, n_sets, n_rounds, is_warm=False)
            print(f"{n_sets:>6,} sets, {name:<22}{ours:>8.2f} µs{theirs:>8.2f} µs{theirs / ours:>8.2f}  ≤ {most}")
    print(f"\n{'sets once masks exist':<36}{'rsi2':>10}{'rule':>10}")
    for name, text in (("like rsi2", ALIKE), ("five clauses", FIVE)):
        ours, theirs = _paired(bars, text, 5_000, n_rounds, is_warm=True)
        print(f"{5_000:>6,} sets, {name:<22}{ours:>8.2f} µs{theirs:>8.2f} µs")


def _read(text: str) -> None:
    parse_rule.cache_clear()
    parse_rule(text)


def _median(work: Callable[[], object], n_rounds: int) -> float:
    spent = []
    for _ in range(n_rounds + 1):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent[1:])


def _paired(bars: Bars, text: str, n_sets: int, n_rounds: int, *, is_warm: bool) -> tuple[float, float]:
    """Median times of a set in µs, of `rsi2` and of the rule, taking turns."""
    strategies = STRATEGIES["rsi2"], strategy_of_rule(text)
    sets = [_sets(strategy, n_sets) for strategy in strategies]
    spent: tuple[list[float], list[float]] = [], []
    kept = [Evaluator(strategy, bars, costs=Costs()) for strategy in strategies]
    for _ in range(n_rounds + 1):
        for at, strategy in enumerate(strategies):
            evaluator = kept[at] if is_warm else Evaluator(strategy, bars, costs=Costs())
            began = time.perf_counter()
            evaluator.scores(sets[at], start=400, stop=len(bars))
            spent[at].append(time.perf_counter() - began)
    ours, theirs = (1e6 * statistics.median(each[1:]) / n_sets for each in spent)
    return ours, theirs


def _sets(strategy: Strategy, n_sets: int) -> list[Params]:
    rng = np.random.default_rng(1)
    columns = {one.name: rng.integers(len(one.values), size=n_sets) for one in strategy.space.parameters}
    return [{one.name: one.values[columns[one.name][at]] for one in strategy.space.parameters} for at in range(n_sets)]
