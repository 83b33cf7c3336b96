"""Several parameter sets as the compiled kernel reads them, and their scores as it writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Params
from optimizer.engine import kernel

_COLUMN_OF = {name: i for i, name in enumerate(kernel.SCORE_NAMES)}
#: A weighed goal ranks by a column after those.
_COLUMN_OF |= {goal.column: len(kernel.SCORE_NAMES) for goal in GOALS.values() if goal.weighs}


class Batch(NamedTuple):
    """Parameter sets as the arrays that the kernel reads, of the masks that the evaluator has at that moment."""

    bank: NDArray[np.uint64]
    slots: NDArray[np.int64]
    orders: FloatArray
    volatility: FloatArray


class KeptSets(NamedTuple):
    """What the kernel reads of the sets of a tuple, which cannot change, with the generation of its masks."""

    param_sets: tuple[Params, ...]
    row_of: dict[int, int]  # by the identity of a set
    generation: int
    slots: NDArray[np.int64]
    orders: FloatArray
    volatility: FloatArray

    @classmethod
    def of(cls, param_sets: tuple[Params, ...], generation: int, batches: Sequence[Batch]) -> "KeptSets":
        """Keep all batches of a tuple."""
        return cls(
            param_sets=param_sets,
            row_of={id(params): row for row, params in enumerate(param_sets)},
            generation=generation,
            slots=np.concatenate([batch.slots for batch in batches]),
            orders=np.concatenate([batch.orders for batch in batches]),
            volatility=max((batch.volatility for batch in batches), key=len),
        )

    def rows(self, param_sets: Sequence[Params]) -> Sequence[int] | None:
        """Rows of sets; None if one is not among these."""
        if param_sets is self.param_sets:
            return range(len(param_sets))
        rows = [self.row_of.get(id(params), -1) for params in param_sets]
        return None if -1 in rows else rows


class _Column:
    """Column of the measure with the attribute's name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._column = _COLUMN_OF[name]

    def __get__(self, scores: "Scores", owner: type) -> FloatArray:
        return scores.table[:, self._column]


@dataclass(frozen=True, eq=False)
class Scores:
    """Measures of several sets over one window: per measure an array (n_sets,), NaN where it does not exist.

    Fractions and annualization as in `optimizer.domain.metrics`.
    """

    table: (
        FloatArray  # (n_sets, measures), columns as in kernel.SCORE_NAMES, then that of a weighed goal if there is one
    )

    total_return = _Column()
    cagr = _Column()
    annual_volatility = _Column()
    sharpe_ratio = _Column()
    sortino_ratio = _Column()
    calmar_ratio = _Column()
    max_drawdown = _Column()
    win_rate = _Column()
    profit_factor = _Column()
    expectancy = _Column()
    sqn = _Column()
    exposure = _Column()

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> FloatArray:
        """Measure `name` (a field of Measures, or the column of a goal) of every set, (n_sets,)."""
        return self.table[:, _COLUMN_OF[name]]

    @property
    def n_trades(self) -> NDArray[np.int64]:
        """Numbers of closed trades, (n_sets,)."""
        return self.column("n_trades").astype(np.int64)
