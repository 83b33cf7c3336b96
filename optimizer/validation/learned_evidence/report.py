"""Report on what a study's winner learned; None of a strategy that learns nothing."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optimizer.domain.results.learned_results import LearnedReport
from optimizer.domain.space import Params
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.multi_symbol import AnyEvaluator, SharedEvaluator
from optimizer.learned.rows import Watch
from optimizer.validation.learned_evidence.policy_report import policy_report, with_noise
from optimizer.validation.learned_evidence.signal_report import signal_report
from optimizer.validation.window import WindowRows

#: Reports on one symbol's winner, by the key of the strategy.
_REPORTS: Mapping[str, Callable[[Evaluator, Params, WindowRows], LearnedReport]] = MappingProxyType(
    {"ml": signal_report, "rl": policy_report}
)


def learned_report(evaluator: AnyEvaluator, winner: Params, rows: WindowRows) -> LearnedReport | None:
    """Report on the winner of a strategy that learns; of several symbols that of the one in the middle."""
    if evaluator.strategy.learned is None:
        return None
    make = _REPORTS[evaluator.strategy.learned.key]
    parts = evaluator.parts if isinstance(evaluator, SharedEvaluator) else (evaluator,)
    found = [make(part, winner, rows).model_copy(update={"symbol": part.bars.symbol}) for part in parts]
    return sorted(found, key=_worth)[(len(found) - 1) // 2]


def beside_noise(
    report: LearnedReport, evaluator: AnyEvaluator, rows: WindowRows, usual: Params, watch: Watch
) -> LearnedReport:
    """Report with what noise earns where that is compared: of policies, which learn one symbol at a time.

    `usual` are the default numbers of the study's space. Raises TrainingStopped.
    """
    if report.kind != "rl" or isinstance(evaluator, SharedEvaluator):
        return report
    return with_noise(report, evaluator, rows, usual, watch)


def _worth(report: LearnedReport) -> tuple[int, float]:
    """Order of reports: the more doubts, the less they are worth."""
    quality = report.quality
    return -len(report.doubts), (quality.skill or 0.0) if quality else 0.0
