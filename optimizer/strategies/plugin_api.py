"""What authors of own strategies import; docs/strategies.md is its manual.

    from optimizer.strategies.plugin_api import bars_of, level_of, rsi, strategy

The fast path is a `Strategy` at the top of the file, declared as ours are. The slow path is a pure function of bars
and parameters that returns a size of -1, 0 or 1 for each bar, under `@strategy(...)`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Choice, Order, Parameter, Params, Range, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.learned.policy.policy_features import features as policy_features
from optimizer.strategies.declaration import (
    Columns,
    Side,
    Strategy,
    Words,
    bars_of,
    choice_of,
    level_of,
    width_of,
)
from optimizer.strategies.plugins.own_rules import PositionsFunction, rows_of, with_positions

__all__ = [
    "Bars",
    "Choice",
    "Columns",
    "Conditions",
    "FloatArray",
    "Order",
    "Range",
    "Side",
    "Space",
    "Strategy",
    "bars_of",
    "choice_of",
    "level_of",
    "policy_features",
    "strategy",
    "technical",
    "width_of",
]

_NO_MEANINGS: Mapping[str, Words] = {}


def strategy(
    key: str,
    *parameters: Parameter,
    warm_up: str | Callable[[Params], int],
    order: Order | None = None,
    title: Words = "",
    about: Words = "",
    meanings: Mapping[str, Words] = _NO_MEANINGS,
    aliases: Sequence[str] = (),
) -> Callable[[PositionsFunction], Strategy]:
    """Declare a pure `positions(bars, **params)`, one of -1, 0 and 1 per bar, as a strategy.

    `warm_up` is the number of bars before the first valid position: the name of the parameter that is that number,
    or a function of a set. Words are one text, or one by language: `{"en": …, "ko": …}`.
    """

    def declare(function: PositionsFunction) -> Strategy:
        space = Space(parameters, order)
        rows = rows_of(function, space.names)
        declared = Strategy(
            key=key,
            space=space,
            warm_up=partial(_warm_up_of, warm_up) if isinstance(warm_up, str) else warm_up,
            long=_unset,
            short=_unset,
            aliases=tuple(aliases),
            title=title,
            about=about,
            meanings=meanings,
        )
        return with_positions(declared, rows)

    return declare


def _warm_up_of(name: str, params: Params) -> int:
    return int(params[name])


def _unset(conditions: Conditions, params: Columns) -> Side:
    raise AssertionError("its positions replace it")
