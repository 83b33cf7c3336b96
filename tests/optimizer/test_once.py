"""One set scored from raw prices has the scores an evaluator gives it."""

import numpy as np
import pytest

from optimizer.evaluate import Evaluator
from optimizer.once import RsiOnce
from optimizer.space import Params
from optimizer.spec import Costs
from optimizer.strategies import find_strategy
from tests.bars import SYMBOLS, sample_bars

SETS: tuple[Params, ...] = (
    {"period": 14, "oversold": 30, "overbought": 70},
    {"period": 10, "oversold": 35, "overbought": 65},
    {"period": 10, "oversold": 35, "overbought": 65, "stop": 5, "trail": 8, "trend": 100},
    {"period": 12, "oversold": 34, "overbought": 66, "take": 6, "max_hold": 15},
)


@pytest.mark.parametrize("params", SETS)
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_scores_are_the_evaluators(symbol: str, params: Params) -> None:
    bars = sample_bars(symbol)
    evaluator = Evaluator(find_strategy("rsi"), bars, costs=Costs())
    expected = evaluator.scores([params], start=0, stop=len(bars)).table[0]
    once = RsiOnce(params, costs=Costs(), periods_per_year=252)

    np.testing.assert_allclose(once.score(evaluator.tape.prices), expected, rtol=1e-12, atol=1e-12)
