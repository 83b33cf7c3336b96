"""Conditions as pandas expressions over freqtrade's data frame, with TA-Lib's indicators."""

import inspect
from typing import ClassVar

from reports.exports import freqtrade_code
from reports.exports.expressions import Writer
from reports.exports.refusals import refuse
from reports.exports.signals import Crosses, Indicator, Value, nodes_of

#: TA-Lib's functions of one column and a window.
_OF_ONE = {
    "sma": "talib.SMA",
    "ema": "talib.EMA",
    "rsi": "talib.RSI",
    "roc": "talib.ROC",
    "slope": "talib.LINEARREG_SLOPE",
    "zscore": "zscore",
    "highest": "highest",
    "lowest": "lowest",
}
#: Indicators of high, low and close.
_OF_BARS = {
    "atr": "talib.ATR",
    "williams": "talib.WILLR",
    "cci": "talib.CCI",
    "adx": "talib.ADX",
    "supertrend": "supertrend",
}
_BARS = 'dataframe["high"], dataframe["low"], dataframe["close"]'
_MACD = ("line", "signal", "histogram")
_STOCH = ("k", "d")
_BANDS = ("upper", "middle", "lower")


class FreqtradeWriter(Writer):
    """Writes for `populate_indicators` and the methods after it."""

    target: ClassVar = "freqtrade"

    def reference(self, name: str) -> str:
        """A column of the data frame."""
        return f'dataframe["{name}"]'

    def column(self, name: str) -> str:
        """A column of the data frame."""
        return f'dataframe["{name}"]'

    def indicator(self, indicator: Indicator) -> str:
        """A call of TA-Lib, or of a function that the file contains. Raises NotExpressible."""
        arguments = ", ".join(self.argument(argument) for argument in indicator.arguments)
        name, source = indicator.name, self.column(indicator.source.name)
        if name in _OF_ONE:
            return f"{_OF_ONE[name]}({source}, {arguments})"
        if name in _OF_BARS:
            return f"{_OF_BARS[name]}({_BARS}, {arguments})"
        if name == "bollinger":
            lower = self.argument(indicator.arguments[-1])  # as many deviations as above
            return f"talib.BBANDS({source}, {arguments}, {lower})[{_BANDS.index(indicator.line)}]"
        if name == "mfi":
            return f'talib.MFI({_BARS}, dataframe["volume"], {arguments})'
        if name == "macd":
            return f"talib.MACD({source}, {arguments})[{_MACD.index(indicator.line)}]"
        if name == "stoch":
            return f"talib.STOCHF({_BARS}, {arguments})[{_STOCH.index(indicator.line)}]"
        raise refuse(self.target, name, "no_such_indicator", "python")

    def functions(self) -> list[str]:
        """Sources of the functions that the expressions call."""
        names = [indicator.name for indicator in self.indicators]
        crosses = any(isinstance(node, Crosses) for condition in self.conditions for node in nodes_of(condition))
        own = [*(["crosses_above"] if crosses else []), *dict.fromkeys(names)]
        return [inspect.getsource(getattr(freqtrade_code, name)) for name in own if hasattr(freqtrade_code, name)]

    def ago(self, value: str, n_bars: int) -> str:
        """A shifted column."""
        return f"{_bracketed(value)}.shift({n_bars})"

    def crossing(self, upper: Value, lower: Value) -> str:
        """A call of `crosses_above`."""
        return f"crosses_above({self.value(upper)}, {self.value(lower)})"

    def for_bars(self, condition: str, n_bars: int) -> str:
        """A count over the last bars."""
        return f"(({condition}).rolling({n_bars}).sum() == {n_bars})"

    def constant(self, holds: bool) -> str:
        """A comparison that always has one outcome."""
        return f'dataframe["close"].notna() == {holds}'


def _bracketed(value: str) -> str:
    return f"({value})" if " " in value else value
