"""Scripts for TradingView: read by a parser of what they use of the language, played, and kept as golden files."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.domain.study_request import Reentry
from reports.exports.programs import write_program
from tests.fixed_rules import FIXED_RULES
from tests.reports.exports.pine_language import PineError, Player, parse
from tests.reports.exports.winners import Case, case_of

FOLDER = Path(__file__).parent / "golden"


def case(key: str, **wishes: object) -> Case:
    """A winner on few bars: each is read statement by statement."""
    symbol, window = ("IBM", (0.1, 0.4)) if key == "rsi2" else ("FB", (0.3, 0.95))
    return case_of(key, symbol=symbol, window=window, is_other=True, **wishes)


CASES = {
    f"{key}-{name}": case(key, **wishes)
    for key in FIXED_RULES
    for name, wishes in {
        "both": {"allow_short": True},
        "held": {"max_hold": 5, "allow_short": True},
    }.items()
}
CASES["sma-again"] = case("sma", max_hold=5, reenter=Reentry.SIGNAL, trend=100)
CASES["bollinger-long"] = case("bollinger")


@pytest.mark.parametrize("name", CASES)
def test_a_script_played_has_the_trades_of_the_engine(name: str) -> None:
    found = CASES[name]
    bars = found.bars.cut(0, found.stop)

    played = Player(parse(write_program(found.winner, "pine")), bars).play()

    # The last bar of the window may signal there, since a chart has further bars.
    closed = found.backtest.closed_trades
    assert [trade[:3] for trade in played.trades] == [(t.entry_bar, t.exit_bar, t.side) for t in closed]
    np.testing.assert_array_equal([t[3:] for t in played.trades], [[t.entry_price, t.exit_price] for t in closed])
    assert closed


@pytest.mark.parametrize("key", FIXED_RULES)
def test_a_script_is_the_one_that_was_read(key: str) -> None:
    """`python -m tests.reports.exports` writes the golden files again."""
    assert golden_script(key) == (FOLDER / f"{key}.pine").read_text(encoding="utf-8")


def golden_script(key: str) -> str:
    """The script of a strategy as it is kept."""
    return write_program(CASES[f"{key}-held"].winner, "pine")


@pytest.mark.parametrize(
    "wrong",
    [
        "x = y\n",
        "x = 1\nx = 2\n",
        "x := 1\n",
        "x = ta.vwma(close, 3)\n",
        "x = ta.sma(close)\n",
        "if close > 1\nx = 2\n",
        "x = (close\n",
        "x = close +\n",
        "  x = 1\n",
        "f(a) =>\n    a + b\n",
        "close = 1\n",
    ],
)
def test_the_parser_refuses_what_tradingview_would(wrong: str) -> None:
    with pytest.raises(PineError):
        parse(f"//@version=5\n{wrong}")
