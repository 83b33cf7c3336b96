"""The compiled estimator against Optuna's own on the same observations."""

import itertools

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

from optimizer.search.tpe.axes import Axis, axes_of, log_prior_floor
from optimizer.search.tpe.estimator import FEASIBLE, Tpe, n_good

pytestmark = pytest.mark.slow

PARAMETERS = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)
SPACES: dict[str, dict[str, BaseDistribution]] = {
    "whole numbers": {
        "a": IntDistribution(10, 30),
        "b": IntDistribution(65, 80),
        "c": IntDistribution(20, 200, step=5),
    },
    "steps": {"width": FloatDistribution(1, 3, step=0.25), "limit": FloatDistribution(-0.1, 0.1, step=0.01)},
    "choices": {"mode": CategoricalDistribution(("revert", "break", "both")), "period": IntDistribution(10, 50)},
    "continuous": {"x": FloatDistribution(-5, 10), "rate": FloatDistribution(1e-5, 1e-1, log=True)},
    "rounded": {"units": IntDistribution(1, 300, log=True), "fine": FloatDistribution(0, 1, step=0.001)},
    "one value": {"fixed": IntDistribution(14, 14), "period": IntDistribution(2, 4)},
    "everything": {
        "period": IntDistribution(10, 30),
        "width": FloatDistribution(1, 3, step=0.25),
        "mode": CategoricalDistribution(("a", "b")),
        "x": FloatDistribution(-1, 1),
        "units": IntDistribution(1, 100, log=True),
    },
}


def draw(distributions: dict[str, BaseDistribution], n: int, seed: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(seed)
    axes = axes_of(distributions)

    def value(axis: Axis) -> object:
        low, high = axis.bounds
        return axis.value(int(rng.integers(axis.count)) if axis.count else rng.uniform(low, high))

    return [{axis.name: value(axis) for axis in axes} for _ in range(n)]


def learned(
    distributions: dict[str, BaseDistribution],
    param_sets: list[dict[str, object]],
    losses: np.ndarray,
    *,
    is_multivariate: bool = True,
) -> Tpe:
    tpe = Tpe(distributions, seed=1, is_multivariate=is_multivariate)
    for number, (params, loss) in enumerate(zip(param_sets, losses, strict=True)):
        tpe.learn(number, params, (FEASIBLE, float(loss), 0.0))
    return tpe


def parted(values: np.ndarray, n_bits: int) -> np.ndarray:
    """Equals moved apart by so many last bits, the older the lower: Optuna's sort leaves their order open."""
    moved: list[float] = []
    for value in values:
        while value in moved:
            value += n_bits * np.spacing(abs(value))
        moved.append(float(value))
    return np.array(moved)


def optunas(distributions: dict[str, BaseDistribution], param_sets: list[dict[str, object]]) -> _ParzenEstimator:
    observations = {
        name: np.array([dist.to_internal_repr(params[name]) for params in param_sets], dtype=float)
        for name, dist in distributions.items()
    }
    for name, dist in distributions.items():
        if not isinstance(dist, CategoricalDistribution):
            # On a logarithmic axis equals must stay apart after the logarithm.
            observations[name] = parted(observations[name], 8 if getattr(dist, "log", False) else 1)
    return _ParzenEstimator(observations, distributions, PARAMETERS)


@pytest.mark.parametrize("n", [1, 2, 5, 10, 11, 24, 25, 26, 30, 97, 99, 130, 300])
@pytest.mark.parametrize("distributions", SPACES.values(), ids=SPACES)
def test_log_densities_equal_optunas(distributions: dict[str, BaseDistribution], n: int) -> None:
    param_sets = draw(distributions, n, seed=n)
    losses = np.random.default_rng(n).permutation(n).astype(float)
    candidates = draw(distributions, 40, seed=n + 1)
    good = set(np.argsort(losses)[: n_good(n)].tolist())
    internal = {
        name: np.array([dist.to_internal_repr(c[name]) for c in candidates], dtype=float)
        for name, dist in distributions.items()
    }

    lower, upper = learned(distributions, param_sets, losses).log_densities(candidates)

    below = [s for i, s in enumerate(param_sets) if i in good]
    above = [s for i, s in enumerate(param_sets) if i not in good]
    np.testing.assert_allclose(lower, optunas(distributions, below).log_pdf(internal), rtol=0, atol=1e-9)
    np.testing.assert_allclose(upper, optunas(distributions, above).log_pdf(internal), rtol=0, atol=1e-9)


@pytest.mark.parametrize("distributions", SPACES.values(), ids=SPACES)
def test_log_densities_axis_by_axis_equal_optunas(distributions: dict[str, BaseDistribution]) -> None:
    n = 120
    param_sets, candidates = draw(distributions, n, seed=n), draw(distributions, 40, seed=1)
    good = range(n_good(n))

    both = learned(distributions, param_sets, np.arange(float(n)), is_multivariate=False).log_densities(candidates)

    for mixture, members in zip(both, (param_sets[: len(good)], param_sets[len(good) :]), strict=True):
        expected = np.zeros(len(candidates))
        for name, dist in distributions.items():
            internal = {name: np.array([dist.to_internal_repr(c[name]) for c in candidates], dtype=float)}
            expected += optunas({name: dist}, members).log_pdf(internal)
        np.testing.assert_allclose(mixture, expected, rtol=0, atol=1e-9)


def test_log_densities_do_not_depend_on_what_was_asked_before() -> None:
    distributions = SPACES["everything"]
    param_sets = draw(distributions, 120, seed=4)
    losses = np.random.default_rng(4).normal(size=120)
    grown = Tpe(distributions, seed=1)
    for number, (params, loss) in enumerate(zip(param_sets, losses, strict=True)):
        grown.learn(number, params, (FEASIBLE, float(loss), 0.0))
        grown.ask(number)

    np.testing.assert_array_equal(
        grown.log_densities(param_sets), learned(distributions, param_sets, losses).log_densities(param_sets)
    )


def test_masses_of_a_whole_grid_sum_to_one() -> None:
    distributions = {
        "a": IntDistribution(1, 9),
        "mode": CategoricalDistribution((1, 2, 3)),
        "b": IntDistribution(0, 40, step=5),
    }
    param_sets = draw(distributions, 60, seed=1)
    grid = [
        dict(zip(["a", "mode", "b"], v, strict=True))
        for v in itertools.product(range(1, 10), (1, 2, 3), range(0, 41, 5))
    ]

    lower, upper = learned(distributions, param_sets, np.arange(60.0)).log_densities(grid)

    assert np.exp(lower).sum() == pytest.approx(1.0, abs=1e-12)
    assert np.exp(upper).sum() == pytest.approx(1.0, abs=1e-12)


def test_a_space_of_ninety_wide_parameters_comes_near_the_smallest_double() -> None:
    few = axes_of({f"x{i}": IntDistribution(0, 999) for i in range(10)})
    many = axes_of({f"x{i}": IntDistribution(0, 999) for i in range(90)})

    assert log_prior_floor(few) > -600 > log_prior_floor(many)


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (1, 1), (10, 1), (11, 2), (200, 20), (250, 25), (5000, 25)])
def test_a_tenth_of_the_trials_is_good_and_never_more_than_25(n: int, expected: int) -> None:
    assert n_good(n) == expected
