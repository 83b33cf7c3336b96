"""Report on signals that learn: how good the probabilities of the winner's horizon were over the whole window.

Every one was told before its outcome, so that the searched bars count as well; the thresholds, which the search chose,
have no part in it.
"""

from optimizer.domain.results.learned_results import Doubt, Label, LearnedReport, Quality, SignalQuality, Weight
from optimizer.domain.space import Params
from optimizer.engine.evaluator import Evaluator
from optimizer.learned.ml.quality import quality_of
from optimizer.learned.ml.walk import Walk
from optimizer.strategies.learning.ml import SIGNAL
from optimizer.validation.window import WindowRows, day_of


def signal_report(evaluator: Evaluator, winner: Params, rows: WindowRows) -> LearnedReport:
    """Report on the probabilities that the winner read."""
    walk: Walk = evaluator.learned(winner)
    quality, (_, label) = quality_of(walk, rows.start, rows.stop), SIGNAL.values_of(winner)
    return LearnedReport(
        kind="ml",
        n_refits=len(walk.slopes),
        n_train=walk.n_train,
        trained_until=None if walk.last_fit is None else day_of(evaluator.bars, walk.last_fit),
        weights=tuple(Weight(feature=name, weight=weight) for name, weight in walk.top_weights()),
        is_one_sided=walk.is_one_sided,
        dropped=walk.features.dropped,
        horizon=walk.horizon,
        label=Label(str(label)),
        slope=float(walk.slopes[-1]) if len(walk.slopes) else None,
        quality=quality,
        doubts=(Doubt.NO_BETTER_THAN_BASE,) if is_doubtful(quality) else (),
    )


def is_doubtful(quality: SignalQuality | None) -> bool:
    """True where the probabilities are not shown to be better than the base rate."""
    return quality is None or quality.word is Quality.NO_BETTER
