"""Registry of strategies: each is declared in its own file and found here by key or alias."""

from collections.abc import Mapping
from types import MappingProxyType

from optimizer.domain.space import Choice, Parameter, Params, Range, Space
from optimizer.domain.study_request import Narrowed, StudySpec
from optimizer.errors import NotANumber, UnknownOverlay, UnknownStrategy, WrongChoice
from optimizer.strategies.bollinger import BOLLINGER
from optimizer.strategies.declaration import Columns, Rule, Side, Strategy
from optimizer.strategies.donchian import DONCHIAN
from optimizer.strategies.macd import MACD
from optimizer.strategies.momentum import MOMENTUM
from optimizer.strategies.moving_averages import EMA, SMA
from optimizer.strategies.overlays import CLOSING, OVERLAYS, overlay_warm_up
from optimizer.strategies.rsi import RSI
from optimizer.strategies.rsi2 import RSI2
from optimizer.strategies.rules.compiling import strategy_of_rule
from optimizer.strategies.stochastic import STOCHASTIC
from optimizer.strategies.supertrend import SUPERTREND
from optimizer.strategies.zscore import ZSCORE

__all__ = [
    "CLOSING",
    "OVERLAYS",
    "STRATEGIES",
    "Columns",
    "Rule",
    "Side",
    "Strategy",
    "find_strategy",
    "longest_warm_up",
    "narrowed_space",
    "space_of",
    "strategy_of",
]

#: Every strategy that can be optimized, by key, in the order they are listed.
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        strategy.key: strategy
        for strategy in (
            RSI,
            RSI2,
            SMA,
            EMA,
            MACD,
            BOLLINGER,
            MOMENTUM,
            DONCHIAN,
            STOCHASTIC,
            ZSCORE,
            SUPERTREND,
        )
    }
)


def find_strategy(word: str) -> Strategy:
    """Strategy with a key or an alias, in any case. Raises UnknownStrategy with the nearest word."""
    wanted = word.lower()
    for strategy in STRATEGIES.values():
        if wanted == strategy.key or wanted in strategy.aliases:
            return strategy
    raise UnknownStrategy.of(word, [name for s in STRATEGIES.values() for name in (s.key, *s.aliases)])


def strategy_of(spec: StudySpec) -> Strategy:
    """Strategy of a request: its rule, or one that is declared. Raises UnknownStrategy, or a RuleError."""
    if spec.rule is not None:
        return strategy_of_rule(spec.rule.text, spec.timeframe, spec.strategy_name)
    return find_strategy(spec.strategy_name)


def space_of(spec: StudySpec) -> Space:
    """Search space of a study: its strategy's space, with the overlays named, narrowed as typed.

    An overlay that the strategy has already (the trend average of `rsi2`) is that parameter. Naming a
    range for an overlay turns it on. Raises UnknownStrategy, UnknownOverlay, UnknownParameter,
    OutOfRange, NotANumber, WrongChoice or EmptySpace.
    """
    strategy = strategy_of(spec)
    wanted = [*spec.overlays, *(narrowed.name for narrowed in spec.narrowed if narrowed.name in OVERLAYS)]
    for name in wanted:
        if name not in OVERLAYS:
            raise UnknownOverlay.of(name, OVERLAYS)
    extra = [overlay for name, overlay in OVERLAYS.items() if name in wanted and name not in strategy.space.by_name]
    return narrowed_space(strategy.space.extended(*extra), spec.narrowed, prefix=strategy.key)


def narrowed_space(space: Space, changes: tuple[Narrowed, ...], *, prefix: str = "") -> Space:
    """Space with some parameters changed as typed; names may be prefixed with the strategy's."""
    for change in changes:
        space = space.replaced(_narrowed(space.named(change.name, prefix), change))
    return space


def longest_warm_up(strategy: Strategy, space: Space) -> int:
    """Number of bars before the first one at which every set of a space has signals."""
    longest: Params = {parameter.name: parameter.values[-1] for parameter in space.parameters}
    return max(strategy.warm_up(longest), overlay_warm_up(longest))


def _narrowed(parameter: Parameter, change: Narrowed) -> Parameter:
    if isinstance(parameter, Choice):
        if not change.choices:
            raise WrongChoice(name=parameter.name, choices=", ".join(parameter.choices), value=_typed(change))
        return parameter.narrowed(change.choices)
    return _range(parameter, change)


def _range(parameter: Range, change: Narrowed) -> Range:
    if change.choices:
        raise NotANumber(name=parameter.name, value="|".join(change.choices))
    low = parameter.low if change.low is None else change.low
    high = parameter.high if change.high is None else change.high
    return parameter.narrowed(low, high, change.step)


def _typed(change: Narrowed) -> str:
    return f"{change.low:g}..{change.high:g}" if change.low is not None and change.high is not None else ""
