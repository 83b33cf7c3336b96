"""Studies of a person's own strategies: what they take, what is told when one ends its worker, and which code ran."""

from optimizer.domain.bars import Bars
from optimizer.domain.space import Space
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UserError, WorkerLost
from optimizer.storage.documents import OptimizationStudy
from optimizer.strategies.declaration import Strategy
from optimizer.strategies.learning.weighing import model_of, weighing_warm_up
from optimizer.strategies.plugins.plugin_errors import StrategyChanged, StrategyHung, StrategyLost
from optimizer.strategies.registry import STRATEGIES, longest_warm_up, strategy_of
from optimizer.validation.regimes.planned_regimes import regime_warm_up


def guess_seconds(spec: StudySpec, strategy: Strategy, space: Space, n_trials: int, n_bars: int) -> float:
    """Estimate the seconds of a study: 150 µs per trial for the search and 10 ns per bar and trial for the backtest.

    A person's own code adds what its trial took. All of it again per fold. Rows that are learned are trained once, and
    those that may be needed to judge a winner; `n_bars` are those of each symbol.
    """
    n_symbols, learned = len(spec.symbols), strategy.learned
    training = 0.0
    if learned:
        rows = len(learned.choices(space)) * learned.seconds(n_bars)
        training = (rows + learned.seconds_of_judging(n_bars)) * n_symbols
    training += model.seconds(n_bars) if (model := model_of(spec)) else 0.0
    n_bars *= n_symbols
    own = strategy.own.seconds_over(n_bars) if strategy.own else 0.0
    return 0.3 + training + n_trials * (1 + spec.folds) * (150e-6 + n_bars * 10e-9 + own)


def runnable_strategy(spec: StudySpec) -> Strategy:
    """Strategy of a request that this installation can run. Raises as `strategy_of`, or MissingLearner."""
    strategy = strategy_of(spec)
    for learned in (strategy.learned, model_of(spec)):
        if learned is not None:
            learned.require_package()
    return strategy


def bars_before(spec: StudySpec, strategy: Strategy, space: Space, bars: Bars) -> int:
    """Number of bars before the first one at which all that a study reads has a value."""
    return max(longest_warm_up(strategy, space), regime_warm_up(spec, bars), weighing_warm_up(spec))


def hanging_of(spec: StudySpec) -> StrategyHung:
    """Error of a study whose own strategy did not return."""
    return StrategyHung(strategy=spec.strategy_name, file=_file_of(spec))


def loss_of(spec: StudySpec, study_name: str, deaths: int) -> UserError:
    """Error of a study under which workers died again and again: its own strategy may have ended them."""
    if file := _file_of(spec):
        return StrategyLost(strategy=spec.strategy_name, file=file, deaths=deaths, study=study_name)
    return WorkerLost(deaths=deaths, study=study_name)


def _file_of(spec: StudySpec) -> str:
    strategy = STRATEGIES.own.get(spec.strategy_name)
    return strategy.own.file if strategy and strategy.own else ""


def changed_file(study: OptimizationStudy) -> str:
    """File of a study's own strategy if other code than the study's is loaded now, else an empty string.

    Raises UnknownStrategy, or why the strategy was refused, where it is not loaded.
    """
    strategy = strategy_of(study.spec)
    return "" if strategy.digest == study.strategy_digest or strategy.own is None else strategy.own.file


def digest_to_run(study: OptimizationStudy, *, is_begun: bool) -> str:
    """Digest of the code that a study runs with. Raises StrategyChanged where other code made its trials so far."""
    if is_begun and (file := changed_file(study)):
        raise StrategyChanged(study=study.study_name, strategy=study.strategy_name, file=file)
    return strategy_of(study.spec).digest
