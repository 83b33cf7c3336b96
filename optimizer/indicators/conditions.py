"""Indicator conditions as bit masks, computed once and shared by all parameter sets of a study.

A condition such as "`rsi(14)` is below 30" compares an indicator with a level and becomes one bit per
bar in the bank that the compiled kernel reads. The indicator is computed when a condition first needs
it. Both are kept for the other sets.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Value
from optimizer.domain.study_request import Costs
from optimizer.indicators.indicators import IndicatorFunction, Indicators
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from optimizer.indicators import bitmasks
else:
    bitmasks = LazyModule("optimizer.indicators.bitmasks")

#: Row of the bank with the condition's mask, one per set.
Slots = NDArray[np.int64]
#: Comparison of an indicator with a level: (function, sign, is strict).
_Comparison = tuple[IndicatorFunction, float, bool]
#: Parameters of an indicator: the value itself if it has one, a tuple if it has several.
_Arguments = Any

#: Memory limit for the masks of one symbol.
BYTES_OF_MASKS = 44 * 2**20
#: Indicators are turned into masks in batches of at most this size.
BYTES_PER_BATCH = 2**19
_MOST_MASKS = 2**16
_LEAST_MASKS = 64
#: The first two rows of every bank: a condition that is always true, and one that never is.
ALWAYS, NEVER = 0, 1
_FIRST_FREE = max(ALWAYS, NEVER) + 1
_FIRST_MASKS = np.zeros((_FIRST_FREE, 1), dtype=np.uint64)
_FIRST_MASKS[ALWAYS] = ~np.uint64(0)


#: Made once: `int | float` would be made for every condition of every trial.
_NUMBERS = (int, float)
Related = TypeVar("Related")
NO_OTHERS: Mapping[str, Bars] = MappingProxyType({})
_USUAL = Costs()


class Conditions(Indicators):
    """Indicators and masks of one symbol's bars; for one thread at a time.

    The columns of parameters and the level have one value per set; a single level counts for all sets. Masks are
    combined by the slots they are in, one per set: unknown values are false in every mask, and stay so.
    """

    def __init__(
        self,
        bars: Bars,
        others: Mapping[str, Bars] = NO_OTHERS,
        *,
        costs: Costs = _USUAL,
        capacity: int | None = None,
    ) -> None:
        """Prepare the bars; `others` are those of other symbols that conditions may read, by symbol.

        `costs` are what learned rows may count with. `capacity` is the number of masks that are kept; as many as the
        memory limit allows by default.
        """
        super().__init__(bars)
        self.others = others
        self.costs = costs
        self._related: dict[Any, Any] = {}
        self.n_requested = 0  # indicators requested by sets
        self.n_computed = 0  # distinct ones among them
        n_words = (self.n_bars + 63) // 64
        self.capacity = capacity or min(max(BYTES_OF_MASKS // (8 * n_words), _LEAST_MASKS), _MOST_MASKS)
        #: Masks (rows, words); a larger array takes its place when more are needed.
        self.bank = np.empty((min(_LEAST_MASKS, self.capacity), n_words), dtype=np.uint64)
        self._requested: set[tuple[Any, ...]] = set()
        self.generation = 0  # of the masks: it grows when they are dropped
        self._forget_masks()

    @property
    def n_slots(self) -> int:
        """Rows of the bank that are taken."""
        return self._n_slots

    @property
    def n_masks(self) -> int:
        """Masks that were computed."""
        return self._n_slots - _FIRST_FREE

    def above(self, function: IndicatorFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Masks of indicator > level, one per set."""
        return self._slots((function, 1.0, True), columns, level)

    def below(self, function: IndicatorFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Masks of indicator < level, one per set."""
        return self._slots((function, -1.0, True), columns, level)

    def at_least(self, function: IndicatorFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Masks of indicator ≥ level, one per set."""
        return self._slots((function, 1.0, False), columns, level)

    def at_most(self, function: IndicatorFunction, *columns: Sequence[Value], level: Sequence[float] | float) -> Slots:
        """Masks of indicator ≤ level, one per set."""
        return self._slots((function, -1.0, False), columns, level)

    def related(self, key: Any, make: Callable[[], Related]) -> Related:
        """Something that is made once of these bars, by its key."""
        if key not in self._related:
            self._related[key] = make()
        found: Related = self._related[key]
        return found

    def both(self, one: Slots, other: Slots) -> Slots:
        """Masks of bars at which both hold, one per set."""
        return self._combined(bitmasks.BOTH, one, other)

    def either(self, one: Slots, other: Slots) -> Slots:
        """Masks of bars at which at least one holds, one per set."""
        return self._combined(bitmasks.EITHER, one, other)

    def before(self, masks: Slots, n_bars: int) -> Slots:
        """Masks of bars `n_bars` after those at which each holds; false on the first ones."""
        return self._combined(bitmasks.BEFORE, masks, np.full(len(masks), n_bars))

    def lasting(self, masks: Slots, n_bars: int) -> Slots:
        """Masks of bars at which each has held on all of the last `n_bars` bars."""
        return self._combined(bitmasks.LASTING, masks, np.full(len(masks), n_bars))

    def within(self, masks: Slots, n_bars: int) -> Slots:
        """Masks of bars at which each has held on at least one of the last `n_bars` bars."""
        return self._combined(bitmasks.WITHIN, masks, np.full(len(masks), n_bars))

    def make_room(self, n_masks: int) -> None:
        """Drop all masks if `n_masks` more might not fit; slots returned before are invalid then."""
        if self._n_slots + n_masks > self.capacity:
            self._forget_masks()

    def _forget_masks(self) -> None:
        self.bank[:_FIRST_FREE] = _FIRST_MASKS
        self.generation += 1
        self._n_slots = _FIRST_FREE
        self._slot_of: dict[_Comparison, dict[_Arguments, dict[float, int]]] = {}
        self._single_slots: dict[tuple[_Comparison, _Arguments, float], Slots] = {}
        self._combination_of: dict[int, dict[int, int]] = {}

    def _slots(
        self, comparison: _Comparison, columns: Sequence[Sequence[Value]], level: Sequence[float] | float
    ) -> Slots:
        n_sets = len(columns[0])
        self.n_requested += n_sets
        if n_sets == 1:
            args: _Arguments = columns[0][0] if len(columns) == 1 else tuple([column[0] for column in columns])
            key = comparison, args, level if isinstance(level, _NUMBERS) else level[0]
            found = self._single_slots.get(key)
            return self._new_single_slot(*key) if found is None else found
        known = self._slot_of.setdefault(comparison, {})
        # A single parameter is its own key: a tuple for each set would cost more than the look-up.
        arguments: Sequence[_Arguments] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        levels = [level] * n_sets if isinstance(level, _NUMBERS) else level
        try:
            slots = [known[args][level] for args, level in zip(arguments, levels, strict=True)]
        except KeyError:
            self._add_masks(comparison, arguments, levels)
            slots = [known[args][level] for args, level in zip(arguments, levels, strict=True)]
        return np.array(slots, dtype=np.int64)

    def _new_single_slot(self, comparison: _Comparison, args: _Arguments, level: float) -> Slots:
        """Slot of the single set that a trial has; the same array for the same mask, which nothing changes."""
        levels = self._slot_of.setdefault(comparison, {}).setdefault(args, {})
        if (slot := levels.get(level)) is None:
            slot = levels[level] = self._add_mask(comparison, args, level)
        found = self._single_slots[comparison, args, level] = np.arange(slot, slot + 1)
        found.flags.writeable = False
        return found

    def _combined(self, operation: int, one: Slots, other: Slots) -> Slots:
        """Slots of an operation on pairs of a slot and another slot or a number of bars; new masks are filled."""
        known = self._combination_of.setdefault(operation, {})
        pairs = ((one << 32) | other).tolist()  # as one number: a tuple for each set would cost more than the look-up
        try:
            slots = [known[pair] for pair in pairs]
        except KeyError:
            new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
            first = self._n_slots
            self._take_slots(len(new))
            known.update(zip(new, range(first, self._n_slots), strict=True))
            bitmasks.combine(operation, np.array(new), len(self.bars), first, self.bank)
            slots = [known[pair] for pair in pairs]
        return np.array(slots, dtype=np.int64)

    def _add_masks(self, comparison: _Comparison, arguments: Sequence[_Arguments], levels: Sequence[float]) -> None:
        """Compute the masks that are new, a batch of indicators at a time."""
        known = self._slot_of[comparison]
        numbers: dict[_Arguments, int] = {}  # of the indicators needed
        which: list[int] = []
        new_levels: list[float] = []
        first = self._n_slots
        for args, level in dict.fromkeys(zip(arguments, levels, strict=True)):
            slots = known.setdefault(args, {})
            if level not in slots:
                slots[level] = first + len(which)
                which.append(numbers.setdefault(args, len(numbers)))
                new_levels.append(level)
        self._take_slots(len(which))
        masks = np.array(which), np.array(new_levels, dtype=np.float64), np.arange(first, self._n_slots)
        needed, size = iter(numbers), max(1, BYTES_PER_BATCH // (8 * self.n_bars))
        for done in range(0, len(numbers), size):
            batch = [self._requested_indicator(comparison[0], args) for args in islice(needed, size)]
            values = np.array(batch) if len(batch) > 1 else batch[0][None]  # of long histories no copy
            bitmasks.fill_masks(values, done, *masks, *comparison[1:], self.bank)

    def _add_mask(self, comparison: _Comparison, args: _Arguments, level: float) -> int:
        """Compute a mask that is new; returns its slot."""
        function, sign, is_strict = comparison
        slot = self._n_slots
        self._take_slots(1)
        indicator = self._requested_indicator(function, args)
        bitmasks.fill_mask(indicator, float(level), sign, is_strict, self.bank[slot])
        return slot

    def _take_slots(self, n_slots: int) -> None:
        """Take rows of the bank. Compiled functions check no bounds: a strategy that needs more must declare it."""
        self._n_slots += n_slots
        assert self._n_slots <= self.capacity, "more masks than the strategy declares"
        if self._n_slots > len(self.bank):
            self._grow()

    def _grow(self) -> None:
        """Make room for twice as many masks: all that ever fit would take longer to get than a set to play."""
        larger = np.empty((min(max(2 * len(self.bank), self._n_slots), self.capacity), self.bank.shape[1]), np.uint64)
        larger[: len(self.bank)] = self.bank
        self.bank = larger

    def _requested_indicator(self, function: IndicatorFunction, args: _Arguments) -> FloatArray:
        """Values of an indicator for a set, counted in `n_computed` the first time."""
        key = (function, *(args if isinstance(args, tuple) else (args,)))
        if key not in self._requested:
            self._requested.add(key)
            self.n_computed += 1
        return self.indicator(*key)
