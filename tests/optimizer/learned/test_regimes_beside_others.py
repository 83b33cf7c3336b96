"""The regime model beside other people's: the filter of hmmlearn, and the jump model as a detector of stress."""

import numpy as np
import pytest
from hmmlearn import _hmmc
from jumpmodels.jump import JumpModel

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.regime_results import Regime
from optimizer.learned.filtering import forward
from optimizer.learned.regimes import ORDER, regimes_of
from tests.optimizer.learned.regime_worlds import PLANTED, WARM_UP, planted

_STRESS = [ORDER.index(Regime.BEARISH), ORDER.index(Regime.VOLATILE)]


def densities(returns: FloatArray, means: FloatArray, scales: FloatArray) -> FloatArray:
    """Density of each return in each state, (n, n_states), with the floor that the filter gives it."""
    z = (returns[:, None] - means) / scales
    return 8.0 / (3.0 * np.sqrt(5.0) * np.pi) / scales * (1.0 + z * z / 5.0) ** -3.0 + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_the_filter_is_the_scaled_forward_pass_of_hmmlearn(seed: int) -> None:
    rng = np.random.default_rng([seed, 11])
    returns = 0.01 * rng.standard_t(5, 2000)
    means, scales = rng.normal(0.0, 0.001, 4), rng.uniform(0.003, 0.03, 4)
    transitions, start = rng.dirichlet(np.ones(4), 4), rng.dirichlet(np.ones(4))
    ours = np.empty((2000, 4))
    total = forward(returns, np.zeros(2000), means, scales, transitions, start, 0, 2000, ours)
    log_prob, theirs, _ = _hmmc.forward_scaling(start, transitions, densities(returns, means, scales))

    assert np.allclose(ours, theirs, rtol=0.0, atol=1e-9)
    assert total == pytest.approx(log_prob, rel=1e-9)


def smoothed(values: FloatArray, halflife: float) -> FloatArray:
    """Exponentially weighted mean, (n,)."""
    decay, mean, found = 0.5 ** (1.0 / halflife), 0.0, np.empty(len(values))
    for t, value in enumerate(values.tolist()):
        mean = decay * mean + (1.0 - decay) * value
        found[t] = mean
    return found


@pytest.mark.slow
@pytest.mark.parametrize("world", PLANTED[:2], ids=lambda world: world.name)
def test_stress_is_where_a_jump_model_of_two_states_has_it_and_closer_to_the_truth(world) -> None:
    bars, kinds = planted(world, 1)
    returns = np.diff(np.log(bars.close), prepend=np.log(bars.close[0]))
    downside = np.sqrt(smoothed(np.minimum(returns, 0.0) ** 2, 10.0))
    features = np.column_stack(
        [
            np.log(downside + 1e-6),
            np.log(np.sqrt(smoothed(returns**2, 20.0)) + 1e-6),
            smoothed(returns, 20.0) / (downside + 1e-6),
        ]
    )
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    model = JumpModel(n_components=2, jump_penalty=50.0, random_state=0, n_init=3)
    model.fit(features, ret_ser=returns, sort_by="vol")  # state 1 is the wilder one

    ours, theirs = np.isin(regimes_of(bars).labels, _STRESS)[WARM_UP:], np.asarray(model.labels_)[WARM_UP:] == 1
    truth = np.isin(kinds, _STRESS)[WARM_UP:]
    assert np.mean(ours == theirs) >= 0.7
    assert np.mean(ours == truth) >= np.mean(theirs == truth)
