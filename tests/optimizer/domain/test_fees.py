"""Costs by market, and what a tax on sales changes and what not."""

import pytest

from optimizer.domain.fees import FEES, UnknownFees, find_fees
from optimizer.domain.study_request import Costs, StudySpec, cost_factors
from optimizer.storage.digests import search_key


def test_korea_takes_its_tax_on_sales() -> None:
    buy, sale, short = cost_factors(find_fees("krx"))

    assert buy == pytest.approx(1.0005 * 1.00015)
    assert sale == pytest.approx(0.9995 * (1 - 0.00215))
    assert short == pytest.approx(0.9995 * 1.00215)


@pytest.mark.parametrize("word", FEES)
def test_every_figure_has_its_day_and_its_source(word: str) -> None:
    assert FEES[word].source
    assert FEES[word].as_of.year >= 2025


def test_a_market_that_is_not_known_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownFees) as raised:
        find_fees("krz")

    assert raised.value.facts["nearest"] == "krx"


def test_without_a_tax_everything_stored_stays_the_same() -> None:
    plain = StudySpec(symbol="AAPL", strategy_name="rsi")
    taxed = plain.model_copy(update={"costs": Costs(tax_bps=20)})

    assert plain.model_dump(mode="json")["costs"] == {"commission_bps": 10.0, "slippage_bps": 5.0}
    assert StudySpec.model_validate(taxed.model_dump(mode="json")) == taxed
    assert search_key(plain) != search_key(taxed)


def test_a_side_costs_half_the_tax_on_average() -> None:
    assert Costs(commission_bps=1, slippage_bps=1, tax_bps=20).per_side == pytest.approx(0.0012)
