"""Split of parameters by regime: a second value of at most two of them, which counts in stress.

Stress is a bearish or volatile market, as labelled at a close (`optimizer.learned.regime_rows`). Conditions are decided
by the regime of the bar whose close decides; orders by the regime at the close that opened the position, so that no
stop moves because a label changes. Two values that are equal are the plain strategy, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import replace

from optimizer.domain.space import Choice, Parameter, Params, Range, Space
from optimizer.domain.study_request import StudySpec
from optimizer.errors import Phrase, UnknownParameter
from optimizer.indicators.conditions import Conditions, Slots
from optimizer.indicators.indicators import IndicatorFunction
from optimizer.learned.regime_rows import stress
from optimizer.strategies.declaration import Columns, Rule, Side, Strategy
from optimizer.strategies.overlays import CLOSING, OVERLAYS
from optimizer.strategies.regimes.errors import NotSplittable, SplitTwice, TooManySplits

#: Most parameters with a second value: with more, the freedom is larger than what the labels know.
MOST_SPLIT = 2
#: Masks of joining both sides of one side's three conditions, for two sides, and of the stress and its opposite.
_MASKS_OF_JOINING = 20
_STRESS = "_stress"


def stressed(name: str) -> str:
    """Name of a parameter's value in stress."""
    return f"{name}{_STRESS}"


def split(strategy: Strategy, names: Sequence[str], row: IndicatorFunction = stress) -> Strategy:
    """Strategy with a second value of these parameters and orders, which counts where `row` is 1.

    Its space has the second values of its own parameters; those of orders are overlays. Raises TooManySplits,
    SplitTwice, UnknownParameter or NotSplittable.
    """
    _require_splittable(strategy, names)
    own = tuple(name for name in names if name in strategy.space.by_name)
    return replace(
        strategy,
        space=strategy.space.extended(*(second_of(strategy.space.by_name[name]) for name in own)),
        warm_up=lambda params: max(strategy.warm_up(params), strategy.warm_up(_in_stress(params, own))),
        long=_joined(strategy.long, own, row) if own else strategy.long,
        short=_joined(strategy.short, own, row) if own and strategy.short else strategy.short,
        masks_per_set=2 * strategy.masks_per_set + _MASKS_OF_JOINING if own else strategy.masks_per_set,
        split=tuple(names),
        stress=row,
    )


def without_split(spec: StudySpec) -> StudySpec:
    """The same request without its split; an order that the split turned on stays on."""
    names = {*spec.overlays, *spec.by_regime}
    return spec.model_copy(update={"by_regime": (), "overlays": tuple(name for name in OVERLAYS if name in names)})


def second_names(spec: StudySpec) -> list[str]:
    """Names of the second values of a request."""
    return [stressed(name) for name in spec.by_regime]


def turned_on(spec: StudySpec) -> list[str]:
    """Orders that only the split of a request turned on."""
    named = {*spec.overlays, *(narrowed.name for narrowed in spec.narrowed)}
    return [name for name in spec.by_regime if name in CLOSING and name not in named]


def second_of(parameter: Parameter) -> Parameter:
    """The same parameter as its value in stress."""
    return replace(parameter, name=stressed(parameter.name))


def splittable(strategy: Strategy) -> tuple[str, ...]:
    """Parameters and orders that can be split."""
    own = strategy.space.parameters if strategy.own is None else ()
    return (*(each.name for each in own if _reason_against(each, strategy.space) is None), *CLOSING)


def _require_splittable(strategy: Strategy, names: Sequence[str]) -> None:
    if len(names) > MOST_SPLIT:
        raise TooManySplits(names=", ".join(names), most=MOST_SPLIT)
    for name in names:
        if list(names).count(name) > 1:
            raise SplitTwice(name=name)
        if name in CLOSING:
            continue
        known = splittable(strategy)
        if name not in strategy.space.by_name:
            raise UnknownParameter.of(name, known)
        if name not in known:
            reason = _reason_against(strategy.space.by_name[name], strategy.space) or Phrase("split_of_own_code")
            raise NotSplittable(name=name, reason=reason, known=", ".join(known))


def _reason_against(parameter: Parameter, space: Space) -> Phrase | None:
    """Reason why a parameter cannot be split; None where it can."""
    if isinstance(parameter, Choice):
        return Phrase("split_of_choice")
    assert isinstance(parameter, Range)
    order = space.order
    if order is not None and parameter.name in (order.lesser, order.greater):
        other = order.greater if parameter.name == order.lesser else order.lesser
        return Phrase("split_of_ordered", other=other)
    return None


def _in_stress(params: Params, own: Sequence[str]) -> Params:
    return params | {name: params[stressed(name)] for name in own}


def _joined(rule: Rule, own: Sequence[str], row: IndicatorFunction) -> Rule:
    """Rule that is decided by the values of the regime of each close."""

    def side(conditions: Conditions, params: Columns) -> Side:
        n_sets = len(params[own[0]])
        is_stress = conditions.above(row, [0] * n_sets, level=0.5)
        is_calm = conditions.below(row, [0] * n_sets, level=0.5)
        calm = rule(conditions, params)
        second = rule(conditions, {**params, **{name: params[stressed(name)] for name in own}})

        def chosen(one: Slots, other: Slots) -> Slots:
            return conditions.either(conditions.both(is_calm, one), conditions.both(is_stress, other))

        gates = None if calm.gate is None or second.gate is None else chosen(calm.gate, second.gate)
        return Side(enter=chosen(calm.enter, second.enter), exit=chosen(calm.exit, second.exit), gate=gates)

    return side
