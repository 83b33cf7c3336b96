"""Indicators of one symbol's bars, each computed once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Value

#: Computes an indicator from the cache of the bars and its parameters: one value per bar.
IndicatorFunction = Callable[..., FloatArray]
#: Memory limit for the indicators of one symbol.
BYTES_OF_INDICATORS = 24 * 2**20


class Indicators:
    """Bars with a cache of indicators of them; for one thread at a time."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self._indicators: OrderedDict[tuple[Any, ...], FloatArray] = OrderedDict()
        self.n_bars = len(bars)
        #: Indicators that are kept.
        self.n_kept = max(2, BYTES_OF_INDICATORS // (8 * self.n_bars))

    def indicator(self, function: IndicatorFunction, *parameters: Value) -> FloatArray:
        """Values of an indicator, (n_bars,), computed or from the cache."""
        key = (function, *parameters)
        found = self._indicators.get(key)
        if found is None:
            found = self._indicators[key] = function(self, *parameters)
            if len(self._indicators) > self.n_kept:
                self._indicators.popitem(last=False)
        else:
            self._indicators.move_to_end(key)
        return found
