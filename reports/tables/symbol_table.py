"""The table of a set that several symbols share: a row a symbol, then their median, then their portfolio."""

from dataclasses import dataclass

from optimizer.domain.metrics import GOALS
from optimizer.domain.study_results import Measures, Scored, StudySummary


@dataclass(frozen=True, kw_only=True)
class SymbolRow:
    """What the shared set did, and buy and hold beside it: out of sample where there is any, else in sample."""

    kind: str  # "symbol", "median" or "portfolio"
    symbol: str = ""
    value: float | None  # of the first goal, in sample
    measures: Measures
    held: Measures


def symbol_rows(summary: StudySummary, goal: str) -> tuple[SymbolRow, ...]:
    """The rows of a shared set; none in a study of one symbol."""
    if summary.shared is None:
        return ()
    parts = [
        _row("symbol", part.winner.value, part.winner, part.buy_and_hold, symbol=part.symbol)
        for part in summary.shared.by_symbol
    ]
    medians = summary.shared
    return (
        *parts,
        _row("median", medians.winner.value, medians.winner, medians.buy_and_hold),
        _row("portfolio", _own(summary.winner, goal), summary.winner, summary.buy_and_hold),
    )


def _row(kind: str, value: float | None, winner: Scored, buy_and_hold: Scored, *, symbol: str = "") -> SymbolRow:
    return SymbolRow(
        kind=kind,
        symbol=symbol,
        value=value,
        measures=winner.out_of_sample or winner.in_sample,
        held=buy_and_hold.out_of_sample or buy_and_hold.in_sample,
    )


def _own(scored: Scored, goal: str) -> float | None:
    """The portfolio's own value; `scored.value` is the median."""
    found: float | None = getattr(scored.in_sample, GOALS[goal].measure)
    return found
