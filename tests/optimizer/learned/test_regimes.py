"""Regimes: right on worlds whose truth is known, never of the future, the same at any scale of prices."""

import numpy as np
import pytest

from optimizer.learned.filtering import forward, improve, penalty
from optimizer.learned.regimes import ORDER, Regime, TooFewForRegimes, regimes_of
from optimizer.outlook.regime_facts import DidNotTrade, regime_facts
from tests.bars import sample_bars
from tests.optimizer.learned.regime_worlds import PLANTED, UNLIKE, bars_of, oracle_labels, planted, recalls

SEEDS = range(3)


def walk(seed: int, *, drift: float, volatility: float, n: int = 2520):
    """Bars of a random walk with an annual drift and volatility."""
    noise = np.random.default_rng([seed, 5]).normal(size=n)
    return bars_of(drift / 252 + volatility / np.sqrt(252) * noise)


@pytest.mark.parametrize("world", PLANTED, ids=lambda world: world.name)
def test_labels_are_nearly_as_right_as_those_of_who_knows_every_parameter(world) -> None:
    ours, oracle = [], []
    for seed in SEEDS:
        bars, kinds = planted(world, seed)
        ours.append(np.nanmean(recalls(regimes_of(bars).labels, kinds)))
        oracle.append(np.nanmean(recalls(oracle_labels(world, bars), kinds)))

    assert np.mean(ours) >= 0.85 * np.mean(oracle)  # 0.92 to 0.98 over many seeds


@pytest.mark.parametrize("world", UNLIKE, ids=lambda world: world.name)
def test_worlds_unlike_the_anchors_are_still_told_apart(world) -> None:
    found = [np.nanmean(recalls(regimes_of(bars).labels, kinds)) for bars, kinds in (planted(world, s) for s in SEEDS)]

    assert np.mean(found) >= 0.5  # a guess is right in a quarter


def test_a_walk_of_constant_volatility_is_hardly_ever_volatile_and_rising_stretches_not_bearish() -> None:
    for seed, (drift, volatility) in enumerate([(0.0, 0.2), (0.15, 0.2), (0.25, 0.3)]):
        bars = walk(seed, drift=drift, volatility=volatility)
        labels, rose = regimes_of(bars).labels[504:], np.log(bars.close[504:] / bars.close[414:-90]) > 0.0
        assert np.mean(labels == ORDER.index(Regime.VOLATILE)) <= 0.2
        assert np.mean(labels[rose] == ORDER.index(Regime.BEARISH)) <= 0.15


def test_nothing_depends_on_later_bars() -> None:
    bars, _ = planted(PLANTED[1], 1)
    whole = regimes_of(bars)
    for stop in np.random.default_rng(3).integers(300, len(bars), 8).tolist():
        cut = regimes_of(bars.cut(0, stop))
        assert np.array_equal(cut.probabilities, whole.probabilities[:stop], equal_nan=True)
        assert np.array_equal(cut.labels, whole.labels[:stop])


def test_probabilities_sum_to_one_and_prices_may_be_in_any_unit() -> None:
    bars, _ = planted(PLANTED[0], 2)
    one, scaled = regimes_of(bars), regimes_of(bars_of(np.diff(np.log(bars.close), prepend=np.log(bars.close[0]))))
    known = one.labels >= 0

    assert np.allclose(one.probabilities[known].sum(axis=1), 1.0, atol=1e-12)
    assert np.mean(one.labels[1:] == scaled.labels[1:]) >= 0.97
    assert not known[:252].any()
    assert known[252:].all()


def test_the_filter_is_that_of_another_writing_and_fitting_never_worsens_what_it_maximises() -> None:
    rng = np.random.default_rng(4)
    returns, no_cuts = 0.01 * rng.standard_t(5, 400), np.zeros(400)
    means, scales = np.array([0.001, -0.001, 0.0, 0.0]), np.array([0.006, 0.012, 0.02, 0.004])
    transitions = np.full((4, 4), 0.01) + 0.96 * np.eye(4)
    start, priors = np.full(4, 0.25), (means.copy(), scales.copy(), transitions.copy())
    out = np.empty((400, 4))
    total = forward(returns, no_cuts, means, scales, transitions, start, 0, 400, out)

    slow, before = 0.0, start
    for t, x in enumerate(returns):
        density = 8 / (3 * np.sqrt(5) * np.pi) / scales * (1 + ((x - means) / scales) ** 2 / 5) ** -3 + 1e-12
        mass = float((before * density).sum())
        now = before * density / mass
        assert np.allclose(out[t], now, atol=1e-12)
        slow, before = slow + np.log(mass), now @ transitions
    assert total == pytest.approx(slow, abs=1e-9)

    pseudo, wide = np.array([60.0, 16.0, 2000.0]), np.full(4, np.inf)
    worth = -np.inf
    for _ in range(12):
        prior_part = penalty(means, scales, transitions, *priors, pseudo)
        likelihood = improve(returns, no_cuts, means, scales, transitions, start, 0, 400, *priors, -wide, wide, pseudo)
        assert likelihood + prior_part >= worth - 1e-9
        worth = likelihood + prior_part


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "IBM", "GOOG"])
def test_october_2008_was_no_quiet_market_and_labels_foretell_no_more_than_volatility(symbol: str) -> None:
    bars = sample_bars(symbol)
    found = regimes_of(bars)
    days = bars.time.astype("datetime64[D]")
    october = (days >= np.datetime64("2008-10-01")) & (days < np.datetime64("2008-11-01"))
    wild = {ORDER.index(Regime.VOLATILE), ORDER.index(Regime.BEARISH)}

    assert np.mean([label in wild for label in found.labels[october].tolist()]) >= 0.9
    assert np.nanmean(found.gain) >= -0.02


def test_a_year_of_bars_is_too_few_and_a_price_that_stands_still_has_no_label() -> None:
    with pytest.raises(TooFewForRegimes):
        regimes_of(walk(1, drift=0.0, volatility=0.2, n=252))
    bars = walk(1, drift=0.0, volatility=0.2, n=600)
    still = bars_of(np.concatenate([np.diff(np.log(bars.close)), np.zeros(30)]))
    with pytest.raises(DidNotTrade):
        regime_facts(still)


def test_what_is_told_of_the_last_bar_is_of_the_last_bar() -> None:
    bars = sample_bars("AAPL")
    stop = bars.row_at(np.datetime64("2008-11-01").item())
    told = regime_facts(bars.cut(0, stop))

    assert told.regime in (Regime.VOLATILE, Regime.BEARISH)
    assert told.confidence == max(told.probabilities.values())
    assert told.below_high < -0.3
    assert told.gain_interval[0] < told.gain < told.gain_interval[1]
    assert not told.foretells
