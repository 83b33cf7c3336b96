"""What the sets of a study ask of the bars, each question answered once.

A strategy asks for conditions: "the row `rsi(14)` is below 30". A row is an indicator with its
parameters, computed when a condition first needs it; a condition becomes one bit a bar in the bank
that the compiled kernel reads. Both are kept for the other sets that ask the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Value
from optimizer.lazy import LazyModule

masks = LazyModule("optimizer.indicators.bitmasks")

RowFunction = Callable[..., FloatArray]
#: The slot of the bank that holds the answer, one a set.
Slots = NDArray[np.int64]
#: What is compared with what: (row function, sign, is strict).
_Comparison = tuple[RowFunction, float, bool]
#: The parameters of a row: the value itself where there is one, a tuple of them where there are more.
_Name = Any

#: Memory that rows, and that masks, of one symbol may take.
BYTES_OF_ROWS = 24 * 2**20
BYTES_OF_MASKS = 44 * 2**20
#: Rows are turned into masks together while they are small.
BYTES_OF_ROWS_AT_ONCE = 2**19
_MOST_MASKS = 2**16
_LEAST_MASKS = 64
#: The two slots that every bank begins with: a condition that always holds, and one that never does.
ALWAYS, NEVER = 0, 1
_FIRST_FREE = max(ALWAYS, NEVER) + 1


class Conditions:
    """The rows and masks of one symbol's bars. For one thread at a time.

    A row function takes this object and the row's parameters, and gives one value a bar. The
    columns of parameters and the level have one value a set; a single level holds for all.
    """

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.n_asked = 0  # rows that sets asked for
        self.n_computed = 0  # distinct rows among them
        n_words = (len(bars) + 63) // 64
        self.capacity = min(max(BYTES_OF_MASKS // (8 * n_words), _LEAST_MASKS), _MOST_MASKS)
        self.bank = np.empty((self.capacity, n_words), dtype=np.uint64)
        self._rows: OrderedDict[tuple[Any, ...], FloatArray] = OrderedDict()
        self._most_rows = max(2, BYTES_OF_ROWS // (8 * len(bars)))
        self._rows_at_once = max(1, BYTES_OF_ROWS_AT_ONCE // (8 * len(bars)))
        self._known_rows: set[tuple[Any, ...]] = set()
        self._forget_masks()

    def row(self, function: RowFunction, *parameters: Value) -> FloatArray:
        """The row of these parameters, computed or remembered."""
        key = (function, *parameters)
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = function(self, *parameters)
            if len(self._rows) > self._most_rows:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return found

    def above(self, function: RowFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Where row > level, for each set."""
        return self._answers((function, 1.0, True), columns, level)

    def below(self, function: RowFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Where row < level, for each set."""
        return self._answers((function, -1.0, True), columns, level)

    def at_least(self, function: RowFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Where row ≥ level, for each set."""
        return self._answers((function, 1.0, False), columns, level)

    def at_most(self, function: RowFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Where row ≤ level, for each set."""
        return self._answers((function, -1.0, False), columns, level)

    def make_room(self, n_masks: int) -> None:
        """Forget all masks if `n_masks` more might not fit. Slots given before mean nothing then."""
        if self._n_slots + n_masks > self.capacity:
            self._forget_masks()

    def _forget_masks(self) -> None:
        self.bank[ALWAYS] = ~np.uint64(0)
        self.bank[NEVER] = 0
        self._n_slots = _FIRST_FREE
        self._known: dict[_Comparison, dict[_Name, dict[float, int]]] = {}

    def _answers(
        self, comparison: _Comparison, columns: Sequence[Sequence[Value]], level: Sequence[float] | float
    ) -> Slots:
        n_sets = len(columns[0])
        self.n_asked += n_sets
        known = self._known.setdefault(comparison, {})
        # A row of one parameter is known by its value alone: a tuple for each set would cost more than the answer.
        names: Sequence[_Name] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        levels = [level] * n_sets if isinstance(level, int | float) else level
        try:
            slots = [known[name][level] for name, level in zip(names, levels, strict=True)]
        except KeyError:
            self._find_out(comparison, names, levels)
            slots = [known[name][level] for name, level in zip(names, levels, strict=True)]
        return np.array(slots, dtype=np.int64)

    def _find_out(self, comparison: _Comparison, names: Sequence[_Name], levels: Sequence[float]) -> None:
        """Compute the masks that are new, some rows at a time."""
        known = self._known[comparison]
        numbers: dict[_Name, int] = {}  # of the rows that are needed
        which: list[int] = []
        against: list[float] = []
        first = self._n_slots
        for name, level in zip(names, levels, strict=True):
            slots = known.setdefault(name, {})
            if level not in slots:
                slots[level] = first + len(which)
                which.append(numbers.setdefault(name, len(numbers)))
                against.append(level)
        self._n_slots += len(which)
        plan = np.array(which), np.array(against, dtype=np.float64), np.arange(first, self._n_slots)
        wanted = iter(numbers)
        for done in range(0, len(numbers), self._rows_at_once):
            rows = np.array([self._row(comparison[0], name) for name in islice(wanted, self._rows_at_once)])
            masks.fill_masks(rows, done, *plan, *comparison[1:], self.bank)

    def _row(self, function: RowFunction, name: _Name) -> FloatArray:
        """A row that a set asked for."""
        key = (function, *(name if isinstance(name, tuple) else (name,)))
        if key not in self._known_rows:
            self._known_rows.add(key)
            self.n_computed += 1
        return self.row(*key)
