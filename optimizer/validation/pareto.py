"""Pareto set of a study with two goals, its knee, and the few sets of it that are shown.

Every goal is maximized, so a set is a point whose two coordinates are better the greater they are.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optimizer.domain.measured import Measure
from optimizer.domain.metrics import GOALS
from optimizer.domain.study_results import Pareto, ParetoSet, TrialRecord

if TYPE_CHECKING:  # it imports numba, and the drawing process has points to draw, and nothing to compute
    from optimizer.validation.assessment import Assessment

#: Values of a set's two goals.
Point = tuple[float, float]

#: Sets that are shown of a Pareto set.
MOST_SHOWN = 5
#: Distance from the line, in parts of the whole range, that rounding alone may cause.
_ROUNDING = 1e-9


def front(points: Sequence[Point]) -> list[int]:
    """Rows of the points that no other beats, the greatest first value first; of equal points only the first row.

    A point beats another when it is at least as good in both goals and better in one.
    """
    kept, best = list[int](), -math.inf
    for row in sorted(range(len(points)), key=lambda row: (-points[row][0], -points[row][1], row)):
        if points[row][1] > best:
            kept.append(row)
            best = points[row][1]
    return kept


def knee(ordered: Sequence[Point]) -> int | None:
    """Place of the knee of a front that is ordered as `front` orders it; None where it has none.

    Both goals are scaled to [0, 1] between the two ends. The knee is the point farthest from the line between the
    ends, on the better side of it (Das 1999, the normal-boundary intersection's bulge).
    """
    if len(ordered) < 3:
        return None
    beyond = [_beyond(point, ordered[0], ordered[-1]) for point in ordered]
    at = max(range(len(ordered)), key=beyond.__getitem__)
    return at if beyond[at] > _ROUNDING else None


def _beyond(point: Point, first: Point, last: Point) -> float:
    """Scaled distance of a point from the line between the ends, times the root of two; negative on the worse side."""
    return (point[0] - last[0]) / (first[0] - last[0]) + (point[1] - first[1]) / (last[1] - first[1]) - 1.0


def shown(n: int, knee: int | None, most: int = MOST_SHOWN) -> list[int]:
    """At most `most` places of a front of n: both ends, the knee, and others spread evenly between them."""
    if n <= most:
        return list(range(n))
    places = [round(step * (n - 1) / (most - 1)) for step in range(most)]
    if knee is not None and knee not in places:
        places.remove(min(places[1:-1], key=lambda place: abs(place - knee)))
        places.append(knee)
    return sorted(places)


def points_of(trials: Sequence[TrialRecord]) -> list[Point]:
    """Both goals of each trial of a study with two."""
    return [(trial.values[0], trial.values[1]) for trial in trials]


def pareto_part(found: "Assessment") -> Pareto | None:
    """Pareto set of a study; None with one goal, or where no set is feasible."""
    if len(found.spec.goals) < 2 or not found.ranked:
        return None
    points = points_of(found.ranked)
    rows = front(points)
    at = knee([points[row] for row in rows])
    chosen = [found.ranked[rows[place]] for place in shown(len(rows), at)]
    return Pareto(
        sets=_sets(found, chosen),
        n_sets=len(rows),
        n_feasible=len(found.ranked),
        knee=None if at is None else found.ranked[rows[at]].number,
    )


def _sets(found: "Assessment", trials: Sequence[TrialRecord]) -> tuple[ParetoSet, ...]:
    unseen = found.unseen_scorer
    scores = unseen.scores([trial.params for trial in trials]) if unseen else None
    columns = {goal: scores.column(GOALS[goal].measure) for goal in found.spec.goals} if scores else {}
    return tuple(
        ParetoSet(
            number=trial.number,
            params=trial.params,
            in_sample=dict[str, Measure](zip(found.spec.goals, trial.values, strict=True)),
            out_of_sample={goal: float(column[row]) for goal, column in columns.items()},
        )
        for row, trial in enumerate(trials)
    )
