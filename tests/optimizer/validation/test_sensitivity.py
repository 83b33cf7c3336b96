"""Importance, plateau and map on strategies and values whose shape is known."""

import math

import numpy as np
import optuna
import pytest
from optuna.importance import PedAnovaImportanceEvaluator

from optimizer.domain.space import Choice, Order, Params, Range, Space
from optimizer.domain.study_request import Cap, Narrowed, StudySpec
from optimizer.domain.study_results import Measures, Scored, TrialRecord
from optimizer.engine.evaluator import Evaluator
from optimizer.search.scoring import SetScorer, measures_of
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.validation.sensitivity import importance, plateau, surface
from tests.calibration.worlds import Shocks, market

BARS = market(Shocks.of(3, years=5))
START, STOP = 260, 1500


def ground_of(strategy_name: str = "rsi", **changed: object) -> SetScorer:
    spec = StudySpec.model_validate({"symbol": "WALK", "strategy_name": strategy_name} | changed)
    evaluator = Evaluator(find_strategy(strategy_name), BARS, costs=spec.costs)
    return SetScorer(spec=spec, space=space_of(spec), evaluator=evaluator, start=START, stop=STOP)


def whole(name: str, low: int, high: int) -> Range:
    return Range(name=name, low=low, high=high, step=1, default=low)


def record(number: int, params: Params, value: float | None, violation: float = 0.0) -> TrialRecord:
    return TrialRecord(number=number, params=params, value=value, violation=violation)


def bare(params: Params, value: float | None) -> Scored:
    return Scored(params=params, value=value, in_sample=Measures())


def scored(trials: object) -> list[Scored]:
    return [bare(trial.params, trial.value) for trial in trials]  # type: ignore[attr-defined]


def random_records(space: Space, count: int = 200) -> list[TrialRecord]:
    """Values that depend on `a` alone, but for a little of `b`."""
    rng = np.random.default_rng(1)
    param_sets = [{p.name: p.values[rng.integers(len(p.values))] for p in space.parameters} for _ in range(count)]
    return [record(i, params, float(params["a"]) + 0.01 * float(params["b"])) for i, params in enumerate(param_sets)]


TWO = Space((whole("a", 1, 20), whole("b", 1, 20), whole("fixed", 7, 7)))


def test_importance_names_the_parameter_that_decides_and_sums_to_one() -> None:
    shares = importance(TWO, random_records(TWO))

    assert next(iter(shares)) == "a"
    assert shares["a"] > 0.8
    assert shares["fixed"] == 0.0
    assert math.fsum(shares.values()) == pytest.approx(1.0, abs=1e-12)


def optunas(space: Space, records: list[TrialRecord]) -> dict[str, float]:
    """Importance by Optuna's own evaluator."""
    study = optuna.create_study(direction="maximize")
    for each in records:
        study.add_trial(
            optuna.create_trial(params=dict(each.params), distributions=space.distributions, value=each.value)
        )
    evaluator = PedAnovaImportanceEvaluator()
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


MIXED = Space(
    (
        whole("a", 1, 20),
        Range(name="b", low=0.5, high=3.0, step=0.25, default=1, integer=False),
        whole("long", 3, 200),
        Choice(name="mode", choices=("revert", "break", "none"), default="revert"),
    )
)


@pytest.mark.parametrize("seed", range(6))
def test_importance_is_what_optuna_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sets = [{p.name: p.values[rng.integers(len(p.values))] for p in MIXED.parameters} for _ in range(20 + 15 * seed)]
    near = [abs(float(params["long"]) - 40.0) / 50.0 for params in sets]
    records = [
        record(i, params, float(np.round(params["b"] * (params["mode"] == "break") - near[i], seed % 3)))  # type: ignore[operator]
        for i, params in enumerate(sets)
    ]

    assert importance(MIXED, records) == pytest.approx(optunas(MIXED, records), rel=1e-9)


def test_no_parameter_stands_out_where_every_trial_is_among_the_best() -> None:
    values = [float(i > 0) for i in range(40)]
    sets = [{**dict.fromkeys(("a", "b"), 1 + i % 20), "fixed": 7} for i in range(40)]
    records = [record(i, params, value) for i, (params, value) in enumerate(zip(sets, values, strict=True))]
    shares = importance(TWO, records)

    assert shares["a"] == shares["b"] == pytest.approx(0.5)
    assert importance(TWO, records) == shares


def test_a_word_can_be_important() -> None:
    space = Space((Choice(name="mode", choices=("revert", "break"), default="revert"), whole("b", 1, 20)))
    rng = np.random.default_rng(2)
    param_sets: list[Params] = [
        {"mode": ("revert", "break")[rng.integers(2)], "b": int(rng.integers(1, 21))} for _ in range(100)
    ]
    noise = rng.normal(0.0, 0.01, len(param_sets)).tolist()
    records = [record(i, p, float(p["mode"] == "break") + noise[i]) for i, p in enumerate(param_sets)]

    assert importance(space, records)["mode"] > 0.5


@pytest.mark.parametrize(
    "records",
    [
        random_records(TWO, 19),
        [record(r.number, dict(r.params), 1.0) for r in random_records(TWO)],
        [record(r.number, dict(r.params), r.value, violation=1.0) for r in random_records(TWO)],
        [record(r.number, dict(r.params), None) for r in random_records(TWO)],
    ],
    ids=["few", "all alike", "infeasible", "failed"],
)
def test_there_is_no_importance_where_trials_cannot_tell(records: list[TrialRecord]) -> None:
    assert importance(TWO, records) == {}


def test_there_is_no_importance_without_a_free_parameter() -> None:
    space = Space((whole("a", 3, 3),))

    assert importance(space, [record(i, {"a": 3}, float(i)) for i in range(30)]) == {}


def test_the_plateau_holds_every_neighbour_with_its_own_backtest() -> None:
    scorer = ground_of()
    params: Params = {"period": 12, "oversold": 30, "overbought": 70}
    value = float(scorer.values(scorer.scores([params]))[0])

    found = plateau(scorer, bare(params, value), [record(0, params, value)], scored)

    assert found.n_neighbours == len(found.neighbours) == 6
    assert [n.params for n in found.neighbours] == scorer.space.neighbours(params)
    for neighbour in found.neighbours:
        measures = scorer.evaluator.backtest(neighbour.params, start=START, stop=STOP).measures
        assert neighbour.in_sample.sharpe_ratio == pytest.approx(measures.sharpe_ratio, abs=1e-9)
        assert neighbour.in_sample.n_trades == measures.n_trades


def test_a_spike_is_answered_with_the_middle_of_the_best_neighbourhood() -> None:
    scorer = ground_of("sma")
    records = [
        record(i, params, float(value))
        for i, params in enumerate(list(scorer.space.param_sets())[::40])
        if not math.isnan(value := float(scorer.values(scorer.scores([params]))[0]))
    ]
    best = sorted(records, key=lambda r: -(r.value or 0.0))
    spike = bare(dict(best[0].params), 100.0)  # no neighbour keeps 80 % of that

    found = plateau(scorer, spike, best, scored)

    assert found.share == 0.0
    medians = {
        r.number: np.median(scorer.values(scorer.scores([dict(r.params), *scorer.space.neighbours(r.params)])))
        for r in best[:20]
    }
    middle = max(medians, key=lambda number: medians[number])
    assert found.centre is None or found.centre.params == next(dict(r.params) for r in best if r.number == middle)


def test_there_is_no_plateau_around_a_fixed_set() -> None:
    fixed = tuple(Narrowed(name=n, low=v, high=v) for n, v in (("period", 14), ("oversold", 30), ("overbought", 70)))
    scorer = ground_of(narrowed=fixed)

    found = plateau(scorer, bare(scorer.space.default, 1.0), [], scored)

    assert (found.n_neighbours, found.share, found.centre) == (0, None, None)


def test_the_map_holds_the_whole_grid_where_it_is_small() -> None:
    scorer = ground_of()
    params = scorer.space.default
    found = surface(scorer, params, {"overbought": 0.6, "oversold": 0.3, "period": 0.1})
    assert found is not None

    assert (found.x, found.y) == ("overbought", "oversold")
    assert found.x_values == tuple(range(65, 81))
    assert found.y_values == tuple(range(20, 36))
    cell = {**params, "overbought": 67, "oversold": 35}
    value = float(scorer.values(scorer.scores([cell]))[0])
    assert found.values[found.y_values.index(35)][found.x_values.index(67)] == value


def test_the_map_is_thinned_around_the_winner_and_empty_outside_the_space() -> None:
    scorer = ground_of("sma")
    params: Params = {"fast": 18, "slow": 65}
    found = surface(scorer, params, {"fast": 0.5, "slow": 0.5})
    assert found is not None

    assert 18 in found.x_values
    assert 65 in found.y_values
    assert max(len(found.x_values), len(found.y_values)) <= 24
    row = found.values[found.y_values.index(min(found.y_values))]
    slow = float(min(found.y_values))
    assert all(value is None for fast, value in zip(found.x_values, row, strict=True) if float(fast) >= slow)


def test_cells_that_break_a_constraint_are_empty() -> None:
    scorer = ground_of(min_trades=8)
    found = surface(scorer, scorer.space.default, {})
    assert found is not None
    cells = [(x, y) for y in found.y_values for x in found.x_values]
    param_sets = [{**scorer.space.default, found.x: x, found.y: y} for x, y in cells]
    n_trades = scorer.scores(param_sets).n_trades

    flat = [value for row in found.values for value in row]
    assert [value is None for value in flat] == (n_trades < 8).tolist()


def test_a_map_needs_two_free_parameters() -> None:
    fixed = tuple(Narrowed(name=name, low=value, high=value) for name, value in (("period", 14), ("oversold", 30)))
    scorer = ground_of(narrowed=fixed)

    assert surface(scorer, scorer.space.default, {}) is None


def test_values_are_missing_where_a_cap_or_the_least_number_of_trades_is_broken() -> None:
    param_sets = list(ground_of().space.param_sets())[::97]
    plain, capped = ground_of(), ground_of(caps=[Cap(goal="maxdd", is_upper=True, bound=0.3)])
    scores = plain.scores(param_sets)

    few = scores.n_trades < 3
    deep = scores.max_drawdown <= -0.3
    assert (np.isnan(plain.values(scores)) == (few | np.isnan(scores.sharpe_ratio))).all()
    assert (np.isnan(capped.values(scores)) == (few | deep | np.isnan(scores.sharpe_ratio))).all()
    assert plain.violations(scores).tolist() == np.maximum(3 - scores.n_trades, 0).tolist()


def test_a_batchs_row_reads_like_a_backtests_measures() -> None:
    scorer = ground_of()
    param_sets = list(scorer.space.param_sets())[::500]
    scores = scorer.scores(param_sets)

    for row, params in enumerate(param_sets):
        told, measures = measures_of(scores, row), scorer.evaluator.backtest(params, start=START, stop=STOP).measures
        for name in ("total_return", "max_drawdown", "win_rate", "exposure", "sqn"):
            assert getattr(told, name) == pytest.approx(getattr(measures, name), abs=1e-9)


def test_an_order_is_kept_by_neighbours_on_the_plateau() -> None:
    space = Space((whole("a", 1, 5), whole("b", 1, 5)), Order(lesser="a", greater="b"))

    assert all(float(p["a"]) < float(p["b"]) for p in space.neighbours({"a": 2, "b": 3}))
