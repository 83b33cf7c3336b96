"""Sums of returns over stretches of bars are those of the table of all returns."""

from itertools import product

import numpy as np
import pytest

from optimizer.engine.evaluator import Evaluator
from optimizer.engine.row_sums import return_sums, warm
from tests.optimizer.engine.test_evaluator import ACCOUNTS, ALL_ON, START, STOP, evaluator_of, some_sets

SETS = 7


def table_of(evaluator: Evaluator, param_sets: list[dict[str, object]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns and timing returns of every bar."""
    return evaluator.returns_and_timing(param_sets, start=START, stop=STOP, market=(START, STOP))  # type: ignore[arg-type]


@pytest.mark.parametrize(("per_row", "n_blocks"), [(5, 16), (7, 6), (13, 12), (STOP - START, 0), (900, 10)])
@pytest.mark.parametrize(("key", "account"), [*product(("rsi2",), ACCOUNTS), ("macd", "plain"), ("donchian", "plain")])
def test_sums_are_those_of_the_table(key: str, account: str, per_row: int, n_blocks: int) -> None:
    evaluator = evaluator_of(key, allow_short=True, account=account)
    sets = [*some_sets(evaluator.strategy, SETS - 2), *some_sets(evaluator.strategy, 2, seed=8, **ALL_ON)]  # type: ignore[arg-type]
    returns, timing = table_of(evaluator, sets)  # type: ignore[arg-type]
    market = evaluator.buy_and_hold(start=START, stop=STOP).returns
    n_rows = (STOP - START) // per_row

    found = return_sums(evaluator, sets, start=START, stop=STOP, bars_per_row=per_row, n_blocks=n_blocks)

    rows = timing[:, STOP - START - n_rows * per_row :].reshape(SETS, n_rows, per_row)
    np.testing.assert_allclose(found.rows, rows.sum(axis=2), rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.products, timing @ (market - market.mean()), rtol=0, atol=1e-14)
    assert found.blocks.shape == found.squares.shape == (SETS, n_blocks)
    if n_blocks:
        per_block = (STOP - START) // n_blocks
        blocks = returns[:, STOP - START - n_blocks * per_block :].reshape(SETS, n_blocks, per_block)
        np.testing.assert_allclose(found.blocks, blocks.sum(axis=2), rtol=0, atol=1e-14)
        np.testing.assert_allclose(found.squares, (blocks**2).sum(axis=2), rtol=0, atol=1e-14)


def test_a_set_that_never_trades_has_sums_of_nothing() -> None:
    evaluator = evaluator_of("rsi")
    never = {"period": 2, "oversold": 5, "overbought": 95, "trend": 1_400}
    found = return_sums(evaluator, [never], start=START, stop=START + 60, bars_per_row=10, n_blocks=6)

    assert not any(part.any() for part in (found.rows, found.products, found.blocks, found.squares))


def test_everything_compiled_is_loaded_beforehand() -> None:
    warm()
