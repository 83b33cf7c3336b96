"""Goals that the model of `ml` weighs: which model, and from which bar on it says something.

The model's horizon is fixed, so that choosing it is no try.
"""

from optimizer.domain.metrics import GOALS
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import StudySpec
from optimizer.errors import GoalAlone
from optimizer.learned.ml.walk import SCHEDULE, Walk
from optimizer.learned.rows import LearnedRow
from optimizer.strategies.learning.ml import SIGNAL

#: Bars that the model looks ahead, and what it is asked about them.
WEIGHING = ("5", Label.GAIN.value)


def model_of(spec: StudySpec) -> LearnedRow[Walk] | None:
    """Model that weighs the goal of a request; None where none does."""
    goal = GOALS.get(spec.goals[0])
    return SIGNAL if goal is not None and goal.weighs else None


def weighing_warm_up(spec: StudySpec) -> int:
    """Bars before the first one that the model of a request's goal has a probability for."""
    return 0 if model_of(spec) is None else SCHEDULE.first


def require_alone(spec: StudySpec) -> None:
    """Raise GoalAlone where a weighed goal is one of two, or several symbols share the set."""
    weighed = [key for key in spec.goals if key in GOALS and GOALS[key].weighs]
    if weighed and (len(spec.goals) > 1 or spec.is_shared):
        raise GoalAlone(goal=weighed[0])
