"""One judgement of many symbols: right by hand, never stronger than a symbol's own, and seldom wrong about noise."""

import numpy as np
import pytest
from scipy.stats import norm

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Tries, Verdict
from optimizer.validation.statistics.across_symbols import SymbolResult, across_symbols, holm, own_p
from optimizer.validation.statistics.max_t import best_of
from tests.reports import facts

#: Families of noise, and the share of false claims that would be too many: 5 % and three standard errors.
N_FAMILIES, MOST_FALSE = 2_000, 0.05 + 3 * (0.05 * 0.95 / 2_000) ** 0.5


def results(p_values: FloatArray | list[float], verdict: Verdict = Verdict.PROMISING) -> list[SymbolResult]:
    """Results with these p values and one verdict."""
    return [SymbolResult(symbol=f"S{i}", p=float(p), verdict=verdict) for i, p in enumerate(p_values)]


def test_holm_is_right_by_hand() -> None:
    # Holm (1979): 4 · 0.005, 3 · 0.01, 2 · 0.03, and 0.04 which may not be below the one before it.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]


def test_symbols_are_named_that_are_more_than_luck_after_all_of_them() -> None:
    found = across_symbols(results([0.4, 0.001, 0.02, 0.0001]))

    assert found.more_than_luck == ("S3", "S1")
    assert (found.n, found.best and found.best.symbol) == (4, "S3")
    assert found.confidence == pytest.approx(1 - 4 * 0.0001)


def test_no_symbol_is_named_against_its_own_verdict() -> None:
    found = across_symbols(results([0.0001, 0.3], Verdict.FAILED_UNSEEN))

    assert found.more_than_luck == ()
    assert found.is_beyond_luck


def test_a_study_without_a_test_is_a_try_all_the_same() -> None:
    alone = across_symbols(results([0.02]))
    among = across_symbols([*results([0.02]), SymbolResult(symbol="STOPPED")])

    assert (alone.more_than_luck, among.more_than_luck) == (("S0",), ())
    assert across_symbols([SymbolResult(symbol="A"), SymbolResult(symbol="B")]).best is None


def test_the_other_symbols_are_taken_out_of_a_stored_p_value_lest_they_count_twice() -> None:
    plain = facts.summary()
    tests = plain.significance
    assert tests is not None
    alone, n_searches, n_together = 0.004, 3, 20
    tries = Tries(n_searches=n_searches, n_together=n_together)
    stored = tests.model_copy(update={"p": best_of(alone, tries.n_counted)})
    summary = plain.model_copy(update={"significance": stored, "tries": tries})

    assert own_p(summary) == pytest.approx(best_of(alone, n_searches))
    assert own_p(summary.model_copy(update={"significance": None})) is None


@pytest.mark.parametrize("n_symbols", [2, 20, 97])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_noise_is_seldom_called_more_than_luck(n_symbols: int, correlation: float) -> None:
    """Uniform p values, whose normals have a common part as the returns of a market's symbols do."""
    rng = np.random.default_rng([n_symbols, round(100 * correlation)])
    common, own = rng.standard_normal((N_FAMILIES, 1)), rng.standard_normal((N_FAMILIES, n_symbols))
    p_values = norm.sf(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)

    false = [bool(across_symbols(results(family)).more_than_luck) for family in p_values]

    assert np.mean(false) <= MOST_FALSE
