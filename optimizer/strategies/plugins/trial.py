"""The trial of a strategy: made-up bars and twenty sets show whether it may be run on anybody's.

It must answer every bar, answer the same again, know nothing of later bars, and be quick. Later bars are taken away
at several places: where all sets are asked again, and right after the bars at which a set changes its mind, because
an answer that needed the next bar changes there.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars
from optimizer.domain.space import Params
from optimizer.errors import Phrase
from optimizer.indicators.bitmasks import unpack_mask
from optimizer.indicators.conditions import Conditions, Slots
from optimizer.strategies.declaration import Side, Strategy
from optimizer.strategies.plugins.own_rules import bars_given, checked_side, day_text, line_of, params_text
from optimizer.strategies.plugins.plugin_errors import Fault
from optimizer.strategies.plugins.plugin_module import TRIAL_BARS, TRIAL_SETS

#: Seconds of the processor that a set may take; a busy machine makes nobody's strategy slow.
MOST_SECONDS = 0.05
#: Seconds by the clock that it may take, for one that waits instead of computing.
_LONGEST_WAIT = 0.5
#: Bars after which later ones are taken away for all sets, and how many more places one set is asked at.
_CUTS = (301, 640, 980, 1311, 1499)
_CUTS_AT_CHANGES = 40
#: Masks that the overlays of a set may need beside the strategy's own.
_OF_OVERLAYS = 2
_COLUMNS = ("open", "high", "low", "close", "volume")
_OF_POSITIONS = ("own_position",)
_OF_MASKS = ("own_long_enter", "own_long_exit", "own_short_enter", "own_short_exit")

#: Answers of sets: (n_sets, channels, n_bars), a position or a mask each.
Answers = NDArray[np.int8]


@dataclass(frozen=True)
class _Asked:
    """Answers of several sets, and the seconds that each set took: by the clock, and of the processor."""

    answers: Answers
    seconds: tuple[float, ...]
    busy: tuple[float, ...]


def try_strategy(strategy: Strategy) -> float:
    """Try a strategy; returns the seconds that a set takes. Raises Fault for the first thing that is wrong."""
    try:
        return _tried(strategy)
    except Fault as fault:
        raise Fault(fault.reason, fault.line or line_of(strategy)) from fault


def _tried(strategy: Strategy) -> float:
    bars, sets = made_up_bars(), param_sets(strategy)
    _require_quick(strategy, bars)
    first = _ask(strategy, bars, sets)
    again = _ask(strategy, bars, sets[::-1])
    _require_same(first.answers, again.answers[::-1], sets, bars)
    for cut, some in _cuts(first.answers):
        fewer = _ask(strategy, bars.cut(0, cut), [sets[i] for i in some])
        _require_no_look_ahead(first.answers[some, :, :cut], fewer.answers, [sets[i] for i in some], bars)
    busy = min(median(first.busy), median(again.busy))
    if busy > MOST_SECONDS:
        raise _slow(busy)
    return min(median(first.seconds), median(again.seconds))


def _slow(seconds: float) -> Fault:
    return Fault(Phrase("own_slow", ms=f"{seconds * 1e3:.0f}", most=f"{MOST_SECONDS * 1e3:.0f}"))


def _require_quick(strategy: Strategy, bars: Bars) -> None:
    """Refuse at once what would take minutes; the first call may compile something, so the second counts."""
    default = [strategy.space.default]
    _ask(strategy, bars, default)
    seconds = _ask(strategy, bars, default).seconds[0]
    if seconds > _LONGEST_WAIT:
        raise _slow(seconds)


def made_up_bars() -> Bars:
    """Daily bars of a random walk with a volatility that changes, the same at every trial."""
    rng = np.random.default_rng(1511)
    scale = 0.012 * np.exp(0.4 * np.sin(np.arange(TRIAL_BARS) / 90.0))
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(5, TRIAL_BARS) * scale))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.003, TRIAL_BARS))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.004, TRIAL_BARS)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.004, TRIAL_BARS)))
    volume = np.round(1e6 * np.exp(rng.normal(0.0, 0.5, TRIAL_BARS)))
    days = np.arange("2010-01-04", "2018-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:TRIAL_BARS].astype("datetime64[ns]")
    return Bars(symbol="TRIAL", time=days, open=open_, high=high, low=low, close=close, volume=volume)


def param_sets(strategy: Strategy) -> list[Params]:
    """Sets to try: the default one and others of the space, the same at every trial; fewer in a small space."""
    space, draw = strategy.space, Random(7)  # noqa: S311 - it only has to be the same every time
    found = {params_text(space.default): space.default}
    for _ in range(50 * TRIAL_SETS):
        params = {parameter.name: draw.choice(parameter.values) for parameter in space.parameters}
        if len(found) < TRIAL_SETS and (space.order is None or space.order.allows(params)):
            found.setdefault(params_text(params), params)
    return list(found.values())


def _ask(strategy: Strategy, bars: Bars, sets: Sequence[Params]) -> _Asked:
    """Ask a strategy for its answers, with nothing remembered; refuse it if it wrote into the bars."""
    given = Bars(symbol=bars.symbol, time=bars.time.copy(), **{name: getattr(bars, name).copy() for name in _COLUMNS})
    conditions = Conditions(given)
    asked = _ask_positions(strategy, conditions, sets) if strategy.positions else _ask_rules(strategy, conditions, sets)
    seen = bars_given(conditions) if strategy.positions else given
    if any(not np.array_equal(getattr(seen, name), getattr(bars, name)) for name in ("time", *_COLUMNS)):
        raise Fault(Phrase("own_writes_bars"))
    return asked


def _ask_positions(strategy: Strategy, conditions: Conditions, sets: Sequence[Params]) -> _Asked:
    assert strategy.positions is not None
    rows, seconds, busy = [], [], []
    for params in sets:
        began, worked = time.perf_counter(), time.process_time()
        rows.append(strategy.positions(conditions, *params.values()))
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    return _Asked(np.array(rows, dtype=np.int8)[:, None, :], tuple(seconds), tuple(busy))


def _ask_rules(strategy: Strategy, conditions: Conditions, sets: Sequence[Params]) -> _Asked:
    began, worked = time.perf_counter(), time.process_time()
    columns = {name: [params[name] for params in sets] for name in strategy.space.names}
    rules = [strategy.long, *([strategy.short] if strategy.short else [])]
    sides = [checked_side(rule(conditions, columns), conditions, len(sets)) for rule in rules]
    seconds, busy = (time.perf_counter() - began) / len(sets), (time.process_time() - worked) / len(sets)
    if conditions.n_masks + _OF_OVERLAYS * len(sets) > strategy.masks_per_set * len(sets):
        raise Fault(Phrase("own_masks", most=strategy.masks_per_set))
    masks = [_hold(several, conditions) for side in sides for several in _masks_of(side)]
    return _Asked(np.stack(masks, axis=1), (seconds,) * len(sets), (busy,) * len(sets))


def _masks_of(side: Side) -> tuple[tuple[Slots, ...], tuple[Slots, ...]]:
    """Return the masks of what opens a side, which must hold together, and of what closes it."""
    return (side.enter,) if side.gate is None else (side.enter, side.gate), (side.exit,)


def _hold(several: tuple[Slots, ...], conditions: Conditions) -> Answers:
    """Return where all of several masks hold, (n_sets, n_bars)."""
    n_bars = len(conditions.bars)
    each = np.array([[unpack_mask(conditions.bank[row], n_bars) for row in slots] for slots in several])
    return np.logical_and.reduce(each, axis=0).astype(np.int8)  # type: ignore[no-any-return]


def _cuts(answers: Answers) -> Iterator[tuple[int, list[int]]]:
    """Yield numbers of bars that are left, and the sets that are asked again over them."""
    n_sets = len(answers)
    for cut in _CUTS:
        yield cut, list(range(n_sets))
    changes = np.argwhere((answers[:, :, 1:] != answers[:, :, :-1]).any(axis=1))
    if len(changes):
        for at in np.linspace(0, len(changes) - 1, min(_CUTS_AT_CHANGES, len(changes))).astype(int):
            number, bar = changes[at]
            yield int(bar) + 2, [int(number)]  # the bar that changed is the last one left


def _require_same(first: Answers, again: Answers, sets: Sequence[Params], bars: Bars) -> None:
    if (where := _first_difference(first, again)) is not None:
        number, _, bar = where
        raise Fault(Phrase("own_not_same", params=params_text(sets[number]), bar=bar, when=day_text(bars, bar)))


def _require_no_look_ahead(whole: Answers, fewer: Answers, sets: Sequence[Params], bars: Bars) -> None:
    if (where := _first_difference(whole, fewer)) is None:
        return
    number, channel, bar = where
    names = _OF_POSITIONS if whole.shape[1] == 1 else _OF_MASKS
    facts = {"was": str(whole[where]), "now": str(fewer[where]), "left": whole.shape[2]}
    raise Fault(
        Phrase(
            "own_looks_ahead",
            what=Phrase(names[channel]),
            params=params_text(sets[number]),
            bar=bar,
            when=day_text(bars, bar),
            **facts,
        )
    )


def _first_difference(one: Answers, other: Answers) -> tuple[int, int, int] | None:
    """Set, channel and bar of the first bar at which two answers differ."""
    different = np.argwhere(one != other)
    if not len(different):
        return None
    number, channel, bar = different[np.argmin(different[:, 2])].tolist()
    return number, channel, bar
