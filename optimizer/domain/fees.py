"""Costs by market: what brokers and states take, under a word each. The figures have their day and their source.

The slippage beside them is an assumption: half a usual spread and a little more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from optimizer.domain.study_request import Costs
from optimizer.errors import UnknownWord


class UnknownFees(UnknownWord):
    """Facts: word, known, nearest."""


@dataclass(frozen=True, kw_only=True)
class Fees:
    """Costs of a market's ordinary customer, as of a day."""

    costs: Costs
    as_of: date
    source: str


FEES: Mapping[str, Fees] = {
    # No commission at the large brokers; the SEC's fee on sales, rounded up: $27.80 for a million until 2025-05-13,
    # nothing for the rest of that fiscal year.
    "us": Fees(
        costs=Costs(commission_bps=0, slippage_bps=5, tax_bps=0.3),
        as_of=date(2025, 5, 14),
        source="SEC, fee rate advisories under Section 31 of the Exchange Act",
    ),
    # Brokers' usual rate on line; on sales 0.05 % transaction tax and 0.15 % for rural development on KOSPI, 0.20 % on
    # KOSDAQ.
    "krx": Fees(
        costs=Costs(commission_bps=1.5, slippage_bps=5, tax_bps=20),
        as_of=date(2026, 1, 1),
        source="Ministry of Economy and Finance, decree of December 2025 on the securities transaction tax",
    ),
    # Spot, a customer without a discount.
    "binance": Fees(
        costs=Costs(commission_bps=10, slippage_bps=5), as_of=date(2025, 6, 1), source="Binance, spot fee schedule"
    ),
    # No commission: half a spread of two basis points.
    "fx": Fees(costs=Costs(commission_bps=0, slippage_bps=1), as_of=date(2025, 6, 1), source="an assumption"),
    "none": Fees(costs=Costs(commission_bps=0, slippage_bps=0), as_of=date(2025, 6, 1), source="nothing is charged"),
}


def find_fees(word: str) -> Costs:
    """Return the costs of a market. Raises UnknownFees."""
    if word not in FEES:
        raise UnknownFees.of(word, FEES)
    return FEES[word].costs
