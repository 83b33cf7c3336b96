"""Learned rows: indicators whose value at a bar comes from a fit on bars before it, refitted on a schedule.

A strategy declares one as a `LearnedRow`, and its rule reads it like any other indicator:

    SIGNAL = LearnedRow(key="ml", version=1, parameters=("horizon",), fit=walk, seconds=lambda n_bars: n_bars * 4e-4)

    def probability(conditions: Conditions, horizon: int) -> FloatArray:
        return SIGNAL.of(conditions, horizon).row

    ML = Strategy(key="ml", …, learned=SIGNAL)

`fit(bars, costs, watch, *values)` returns anything with the attribute `row`, (n_bars,); the values are those of
`parameters`, in their order. It is pure: of equal bars, costs and values it returns equal bits. Before each of its fits
it calls `watch.next_fit()`, which raises TrainingStopped when nobody wants the rest. A row is computed once for each
evaluator, and kept for the next study of the same bars in the same process.

A worker trains every row of a study's space before it searches (`Evaluator.train`), and tells which one of how many it
is at; the plan's estimate counts `seconds` for each.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Generic, Protocol, TypeVar

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_request import Costs
from optimizer.errors import Unavailable
from optimizer.indicators.conditions import Conditions

#: Bars of all the fitted rows that a process remembers: some tens of megabytes.
MOST_BARS_REMEMBERED = 500_000


class MissingLearner(Unavailable):
    """Facts: strategy, extra."""


class TrainingStopped(Exception):
    """Training that nobody wants any more."""


class Watch:
    """Listener to the fits of a row: this one lets them all go on."""

    def begin(self, row: int, n_rows: int) -> None:
        """Hear which row comes next, from 1, and of how many."""

    def next_fit(self) -> None:
        """Hear that another fit begins. Raises TrainingStopped where it should not."""


UNWATCHED = Watch()


class Fitted(Protocol):
    """Result of a walk through a symbol's bars."""

    @property
    def row(self) -> FloatArray:
        """Values that the strategy's rule reads, (n_bars,), NaN where there is none."""
        ...


Found = TypeVar("Found", bound=Fitted)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Rows at whose close a walk fits again: absolute ones, so that more bars at the end change no earlier value."""

    first: int
    every: int
    memory: int  # rows of training that a fit has at most

    def stretches(self, n_bars: int) -> Iterator[tuple[int, int]]:
        """Yield each fit as [row at whose close it is made, row of the next one): its values are for these rows."""
        for row in range(self.first, n_bars, self.every):
            yield row, min(row + self.every, n_bars)

    def training(self, row: int, *, reach: int, embargo: int) -> slice:
        """Rows that the fit at a row's close may train on.

        What happened after row t is known at the close of row t + `reach`; `embargo` further rows are left out.
        """
        stop = max(row - reach - embargo + 1, 0)
        return slice(max(stop - self.memory, 0), stop)


@dataclass(frozen=True, kw_only=True)
class LearnedRow(Generic[Found]):
    """Row that a strategy learns; see the module."""

    key: str
    version: int  # raised whenever equal bars get another row than before
    parameters: tuple[str, ...]  # of the space, that the row depends on
    fit: Callable[..., Found]
    seconds: Callable[[int], float]  # of one processor for a row over so many bars
    seconds_of_judging: Callable[[int], float] = lambda _: 0.0  # of what is fitted at most to judge a winner
    is_ready: Callable[[], bool] = bool  # True if what it learns with is installed; asked where there is an `extra`
    extra: str = ""  # that installs it
    defaults: Mapping[str, Value] = field(default_factory=dict, hash=False)  # of parameters that a space may lack

    def of(self, conditions: Conditions, *values: Value, watch: Watch = UNWATCHED) -> Found:
        """Fitted row of an evaluator's bars. Raises TrainingStopped, or what a fit does."""
        bars, costs = conditions.bars, conditions.costs
        return conditions.related((self.key, values), lambda: self.over(bars, costs, *values, watch=watch))

    def over(self, bars: Bars, costs: Costs, *values: Value, watch: Watch = UNWATCHED) -> Found:
        """Fitted row of bars, from the memory of the process or computed."""
        return self.remembered(bars, costs, values, lambda: self.fit(bars, costs, watch, *values))

    def remembered(self, bars: Bars, costs: Costs, values: tuple[Value, ...], make: Callable[[], Found]) -> Found:
        """Fitted row of bars from the memory of the process, or one that is made now and fits the same."""
        found: Found = REMEMBERED.get((self.key, self.version, bars.data_hash, costs, values), len(bars), make)
        return found

    def require_package(self) -> None:
        """Raise MissingLearner where the package that it learns with is not installed."""
        if self.extra and not self.is_ready():
            raise MissingLearner(strategy=self.key, extra=self.extra)

    def choices(self, space: Space) -> list[tuple[Value, ...]]:
        """Values of its parameters in a space: a row is fitted for each."""
        found = {name: space.by_name[name].values for name in self.parameters if name in space.by_name}
        return list(product(*(found.get(name) or (self.defaults[name],) for name in self.parameters)))

    def values_of(self, params: Params) -> tuple[Value, ...]:
        """Values of its parameters in a set."""
        return tuple(params[name] if name in params else self.defaults[name] for name in self.parameters)


@dataclass
class _Remembered:
    """Fitted rows by what they depend on; the longest unused ones are dropped."""

    most_bars: int
    _found: OrderedDict[Hashable, tuple[int, Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, n_bars: int, make: Callable[[], Any]) -> Any:
        """Return what is remembered, or what is made now."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key][1]
        made = make()
        with self._lock:
            self._found[key] = (n_bars, made)
            while len(self._found) > 1 and sum(bars for bars, _ in self._found.values()) > self.most_bars:
                self._found.popitem(last=False)
        return made

    def forget(self) -> None:
        """Drop everything."""
        with self._lock:
            self._found.clear()


#: Rows of the bars that this process saw last.
REMEMBERED = _Remembered(MOST_BARS_REMEMBERED)


@dataclass
class Training(Watch):
    """Which row of how many is trained, and whether anybody still wants it."""

    n_rows: int
    tell: Callable[[int, int], None]  # (number of the row, from 1; of how many): called before each fit
    is_stopped: Callable[[], bool]
    row: int = 1

    def begin(self, row: int, n_rows: int) -> None:
        """Count another row."""
        self.row, self.n_rows = row, n_rows

    def next_fit(self) -> None:
        """Tell the progress. Raises TrainingStopped once it is stopped."""
        if self.is_stopped():
            raise TrainingStopped
        self.tell(self.row, self.n_rows)
