"""Registry of strategies: each is declared in its own file and found here by key or alias."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from optimizer.domain.space import Choice, Parameter, Params, Range, Space
from optimizer.domain.study_request import Narrowed, StudySpec
from optimizer.errors import NotANumber, OneSymbolOnly, UnknownOverlay, UnknownStrategy, UserError, WrongChoice
from optimizer.strategies.bollinger import BOLLINGER
from optimizer.strategies.declaration import Columns, Rule, Side, Strategy
from optimizer.strategies.donchian import DONCHIAN
from optimizer.strategies.learning.ml import ML
from optimizer.strategies.learning.rl import RL
from optimizer.strategies.learning.weighing import require_alone
from optimizer.strategies.macd import MACD
from optimizer.strategies.momentum import MOMENTUM
from optimizer.strategies.moving_averages import EMA, SMA
from optimizer.strategies.overlays import CLOSING, OVERLAYS, overlay_warm_up
from optimizer.strategies.regimes.splitting import second_of, split, stressed
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
    "Strategies",
    "Strategy",
    "find_strategy",
    "longest_warm_up",
    "narrowed_space",
    "space_of",
    "strategy_of",
]


class Strategies(Mapping[str, Strategy]):
    """Strategies by key, in the order they are listed: ours, then a person's own, which are set once at start."""

    def __init__(self, ours: Mapping[str, Strategy]) -> None:
        self.ours = MappingProxyType(dict(ours))
        self.set_own(())

    def set_own(self, own: Iterable[Strategy], refused: Mapping[str, UserError] = MappingProxyType({})) -> None:
        """Add a person's own strategies, instead of those set before; `refused` are not there, and why, by name."""
        self.own = MappingProxyType({strategy.key: strategy for strategy in own})
        self.refused = MappingProxyType(dict(refused))
        self._all = {**self.ours, **self.own}
        self.key_of = {word: each.key for each in self._all.values() for word in (each.key, *each.aliases)}

    def __getitem__(self, key: str) -> Strategy:
        return self._all[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


#: Every strategy that can be optimized.
STRATEGIES = Strategies(
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
            ML,
            RL,
        )
    }
)


def find_strategy(word: str) -> Strategy:
    """Strategy with a key or an alias, in any case.

    Raises UnknownStrategy with the nearest word, or why a person's own strategy of this name is not there.
    """
    key = STRATEGIES.key_of.get(word.lower())
    if key is not None:
        return STRATEGIES[key]
    if word.lower() in STRATEGIES.refused:
        raise STRATEGIES.refused[word.lower()]
    raise UnknownStrategy.of(word, STRATEGIES.key_of)


def strategy_of(spec: StudySpec) -> Strategy:
    """Strategy of a request: its rule, or one that is declared, split where it asks for that.

    Raises UnknownStrategy, a RuleError, or what `split` raises.
    """
    if spec.rule is not None:
        strategy = strategy_of_rule(spec.rule.text, spec.timeframe, spec.strategy_name)
    else:
        strategy = find_strategy(spec.strategy_name)
    return split(strategy, spec.by_regime) if spec.by_regime else strategy


def space_of(spec: StudySpec) -> Space:
    """Search space of a study: its strategy's space, with the overlays named, narrowed as typed.

    A parameter that is there on request is in it when it is narrowed. An overlay that the strategy has already (the
    trend average of `rsi2`) is that parameter. Naming a range for an overlay, or splitting it, turns it on. A second
    value for stress has the range of the first. Raises UnknownStrategy, UnknownOverlay, UnknownParameter, OutOfRange,
    NotANumber, WrongChoice, EmptySpace, OneSymbolOnly, GoalAlone, or what `split` raises.
    """
    require_alone(spec)
    strategy = strategy_of(spec)
    if spec.is_shared and strategy.is_for_one_symbol:
        raise OneSymbolOnly(strategy=strategy.key)
    wanted = [*spec.overlays, *(narrowed.name for narrowed in spec.narrowed if narrowed.name in OVERLAYS)]
    for name in wanted:
        if name not in OVERLAYS:
            raise UnknownOverlay.of(name, OVERLAYS)
    wanted += [name for name in spec.by_regime if name in OVERLAYS]
    extra = [overlay for name, overlay in OVERLAYS.items() if name in wanted and name not in strategy.space.by_name]
    named = {narrowed.name.removeprefix(f"{strategy.key}_") for narrowed in spec.narrowed}
    asked = [parameter for parameter in strategy.on_request if parameter.name in named]
    seconds = [second_of(overlay) for overlay in extra if overlay.name in spec.by_regime]
    space = strategy.space.extended(*asked, *extra, *seconds)
    both = [change for change in spec.narrowed if change.name in spec.by_regime]
    changes = (*spec.narrowed, *(change.model_copy(update={"name": stressed(change.name)}) for change in both))
    return narrowed_space(space, changes, prefix=strategy.key)


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
