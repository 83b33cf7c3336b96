"""What the sets of a study ask of the bars, each question answered once.

A strategy asks for rows (an indicator with its parameters) and for conditions on them ("row below
30"). A row is computed when a condition first needs it, a condition becomes one bit a bar in the
bank that the compiled kernel reads. Both are kept for the other sets that ask the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.kernel import ALWAYS, NEVER, fill_masks
from optimizer.series import Bars, FloatArray
from optimizer.space import Value

#: One row: the function that computes it and its parameters.
RowKey = tuple[Any, ...]
Rows = Sequence[RowKey]
Slots = Sequence[int]
RowFunction = Callable[..., FloatArray]

#: Memory that rows, and that masks, of one symbol may take.
BYTES_OF_ROWS = 48 * 2**20
BYTES_OF_MASKS = 48 * 2**20
_MOST_MASKS = 2**16
_LEAST_MASKS = 64


class Conditions:
    """The rows and masks of one symbol's bars. For one thread at a time."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.hits = 0  # rows that were known when asked for
        self.misses = 0  # rows that had to be computed
        n_words = (len(bars) + 63) // 64
        self.capacity = min(max(BYTES_OF_MASKS // (8 * n_words), _LEAST_MASKS), _MOST_MASKS)
        self.bank: NDArray[np.uint64] = np.empty((self.capacity, n_words), dtype=np.uint64)
        self._rows: OrderedDict[RowKey, FloatArray] = OrderedDict()
        self._most_rows = max(2, BYTES_OF_ROWS // (8 * len(bars)))
        self._asked: set[RowKey] = set()
        self._forget_masks()

    def row(self, function: RowFunction, *parameters: Value) -> FloatArray:
        """The array that `function(conditions, *parameters)` computes."""
        key = (function, *parameters)
        found = self._rows.get(key)
        if found is None:
            found = function(self, *parameters)
            self._rows[key] = found
            if len(self._rows) > self._most_rows:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return found

    def rows(self, function: RowFunction, *columns: Sequence[Value]) -> Rows:
        """One row a set, from one column a parameter. Nothing is computed yet."""
        return [(function, *parameters) for parameters in zip(*columns, strict=True)]

    def above(self, rows: Rows, levels: Sequence[float]) -> Slots:
        """Slots of the conditions row > level, one a set."""
        return self._masks(rows, levels, 1.0, True)

    def below(self, rows: Rows, levels: Sequence[float]) -> Slots:
        """Slots of the conditions row < level, one a set."""
        return self._masks(rows, levels, -1.0, True)

    def at_least(self, rows: Rows, levels: Sequence[float]) -> Slots:
        """Slots of the conditions row ≥ level, one a set."""
        return self._masks(rows, levels, 1.0, False)

    def at_most(self, rows: Rows, levels: Sequence[float]) -> Slots:
        """Slots of the conditions row ≤ level, one a set."""
        return self._masks(rows, levels, -1.0, False)

    def make_room(self, n_masks: int) -> None:
        """Forget all masks if `n_masks` more might not fit. Slots given before mean nothing then."""
        if self._n_slots + n_masks > self.capacity:
            self._forget_masks()

    def _forget_masks(self) -> None:
        self.bank[ALWAYS] = ~np.uint64(0)
        self.bank[NEVER] = 0
        self._n_slots = 2
        self._known: dict[tuple[float, bool], dict[tuple[RowKey, float], int]] = {}

    def _masks(self, rows: Rows, levels: Sequence[float], sign: float, is_strict: bool) -> Slots:
        known = self._known.setdefault((sign, is_strict), {})
        slots = [known.get(question) for question in zip(rows, levels, strict=True)]
        if None in slots:
            self._answer(rows, levels, sign, is_strict)
            slots = [known[question] for question in zip(rows, levels, strict=True)]
        self._count(rows)
        return slots  # type: ignore[return-value]

    def _answer(self, rows: Rows, levels: Sequence[float], sign: float, is_strict: bool) -> None:
        known = self._known[sign, is_strict]
        missing: dict[RowKey, list[float]] = {}
        for row, level in zip(rows, levels, strict=True):
            if (row, level) not in known:
                known[row, level] = self._n_slots
                self._n_slots += 1
                missing.setdefault(row, []).append(level)
        for row, wanted in missing.items():
            slots = np.array([known[row, level] for level in wanted])
            fill_masks(self.row(*row), np.array(wanted, dtype=np.float64), sign, is_strict, self.bank, slots)

    def _count(self, rows: Rows) -> None:
        """Count each row a set asked for as known or new."""
        fresh = set(rows) - self._asked
        self.misses += len(fresh)
        self.hits += len(rows) - len(fresh)
        self._asked |= fresh
