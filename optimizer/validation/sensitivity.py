"""Sensitivity of the winner to its parameters: their importance, its neighbourhood, the map around it."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_results import Plateau, Scored, Surface, TrialRecord
from optimizer.search.scoring import SetScorer
from optimizer.validation.statistics.description import plateau_share
from optimizer.validation.statistics.ped_anova import divergences
from optimizer.validation.verdict import SPIKE_SHARE

ScoreTrials = Callable[[Sequence[TrialRecord]], list[Scored]]

#: Most values on an axis of the map; a longer range is thinned evenly around the winner's value.
MAP_VALUES = 24
#: Best sets whose neighbourhoods are compared when the winner is a spike.
CENTRE_CANDIDATES = 20
#: Least number of feasible trials for an importance (the best tenth must have two).
LEAST_TRIALS = 20


def importance(space: Space, records: Sequence[TrialRecord]) -> dict[str, float]:
    """Importance of each parameter for reaching the best tenth of the trials, summing to 1; largest first.

    PED-ANOVA (Watanabe, Bansal and Hutter 2023), over the feasible trials. Parameters with a single value
    are left out. Empty when there are fewer than 20 feasible trials or all have equal values.
    """
    feasible = [record for record in records if record.is_feasible and math.isfinite(record.value or 0.0)]
    free = [parameter for parameter in space.parameters if len(parameter.values) > 1]
    values = np.array([record.value for record in feasible], dtype=np.float64)
    if len(feasible) < LEAST_TRIALS or not free or (values == values[0]).all():
        return {}
    columns = [[record.params[parameter.name] for record in feasible] for parameter in free]
    shares = dict(zip((p.name for p in free), divergences(free, columns, values).tolist(), strict=True))
    if not any(shares.values()):  # all are among the best: nothing sets the parameters apart
        shares = dict.fromkeys(shares, 1.0)
    return _normalized({name: shares.get(name, 0.0) for name in space.names})


def _normalized(shares: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(shares.values())
    if not total > 0:
        return {}
    return {name: share / total for name, share in sorted(shares.items(), key=lambda item: -item[1])}


def plateau(scorer: SetScorer, winner: Scored, ranked: Sequence[TrialRecord], scored: ScoreTrials) -> Plateau:
    """Score the winner's neighbours; if it is a spike, recommend the centre of the best neighbourhood instead.

    `ranked` are the feasible trials, best first; `scored` computes the measures of the recommended set.
    """
    param_sets = scorer.space.neighbours(winner.params)
    if not param_sets:
        return Plateau(n_neighbours=0, share=None, neighbours=(), centre=None)
    scores = scorer.scores(param_sets)
    values = scorer.values(scores)
    share = _share(scorer, winner, scorer.plain_values(scores))
    measured = zip(param_sets, values.tolist(), scorer.measures(param_sets, scores), strict=True)
    neighbours = tuple(Scored(params=params, value=value, in_sample=found) for params, value, found in measured)
    centre = _centre(scorer, winner, ranked, scored) if ranked and share < SPIKE_SHARE else None
    return Plateau(n_neighbours=len(param_sets), share=share, neighbours=neighbours, centre=centre)


def _share(scorer: SetScorer, winner: Scored, values: FloatArray) -> float:
    goal = GOALS[scorer.goal]
    value = getattr(winner.in_sample, goal.measure) if goal.weighs else winner.value
    return plateau_share(math.nan if value is None else value, values, may_be_negative=goal.measure == "max_drawdown")


def _centre(scorer: SetScorer, winner: Scored, ranked: Sequence[TrialRecord], scored: ScoreTrials) -> Scored | None:
    """Best set by the median over itself and its neighbours, among the best trials; None when it is the winner."""
    best = ranked[:CENTRE_CANDIDATES]
    around = [[dict(record.params), *scorer.space.neighbours(record.params)] for record in best]
    values = scorer.plain_values(scorer.scores([params for param_sets in around for params in param_sets]))
    ends = np.cumsum([len(param_sets) for param_sets in around])
    medians = [_median(part) for part in np.split(values, ends[:-1])]
    chosen = best[int(np.argmax(medians))]
    return None if chosen.params == winner.params else scored([chosen])[0]


def _median(values: FloatArray) -> float:
    """Median where sets without a value count as the worst."""
    return float(np.median(np.nan_to_num(values, nan=-np.inf, posinf=np.finfo(np.float64).max)))


def surface(scorer: SetScorer, params: Params, shares: Mapping[str, float]) -> Surface | None:
    """Values of the first goal over the grid of the two most important parameters, the others as in `params`.

    None when fewer than two parameters have more than one value.
    """
    free = [p.name for p in scorer.space.parameters if len(p.values) > 1]
    ranked = sorted(free, key=lambda name: (-shares.get(name, 0.0), free.index(name)))
    if len(ranked) < 2:
        return None
    x, y = ranked[:2]
    x_values, y_values = (_axis(scorer.space, name, params[name]) for name in (x, y))
    cells = [{**params, x: x_value, y: y_value} for y_value in y_values for x_value in x_values]
    values = _map_values(scorer, cells).reshape(len(y_values), len(x_values))
    rows = tuple(tuple(row) for row in values.tolist())
    return Surface(x=x, y=y, x_values=x_values, y_values=y_values, values=rows)


def _map_values(scorer: SetScorer, cells: Sequence[Params]) -> FloatArray:
    """Values of the cells; NaN for those outside the space."""
    order = scorer.space.order
    inside = [i for i, cell in enumerate(cells) if order is None or order.allows(cell)]
    values = np.full(len(cells), math.nan)
    if inside:
        values[inside] = scorer.values(scorer.scores([cells[i] for i in inside]))
    return values


def _axis(space: Space, name: str, kept: Value) -> tuple[Value, ...]:
    """At most MAP_VALUES evenly spaced values of a parameter, one of them `kept`."""
    values = space.by_name[name].values
    step = math.ceil(len(values) / MAP_VALUES)
    return values[values.index(kept) % step :: step]
