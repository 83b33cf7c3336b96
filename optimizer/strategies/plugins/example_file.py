"""The example that `optimize-bot strategies new NAME` writes: a strategy of one's own that passes its trial."""

_EXAMPLE = '''"""A strategy of your own. Change it, and try it: optimize-bot strategies check {file}

The bot loads this file at its next start when OPTIMIZE_BOT_PLUGINS=folder is set; docs/strategies.md is the manual.
"""

import numpy as np

from optimizer.strategies.plugin_api import bars_of, level_of, strategy, technical


@strategy(
    "{key}",  # what people type: /optimize AAPL {key} 200
    # The parameters that are searched: name, lowest, highest and default value.
    bars_of("period", 10, 60, 20),
    level_of("drop", 1, 10, 3, unit="%"),
    warm_up="period",  # bars before the first position that counts: the parameter that says how many
    title={{"en": "My strategy", "ko": "나의 전략"}},
    about={{
        "en": "Hold from a close `drop` % below its average until a close above it.",
        "ko": "종가가 평균보다 `drop`% 낮으면 매수하고, 평균을 넘으면 매도합니다.",
    }},
    meanings={{
        "period": {{"en": "bars of the average", "ko": "평균의 봉 수"}},
        "drop": {{"en": "distance below the average at which it buys", "ko": "매수할 때 평균보다 낮은 정도"}},
    }},
)
def positions(bars, period, drop):
    """One size per bar, decided at its close and traded at the next open: 1 long, 0 out, -1 short.

    `bars` has arrays: time, open, high, low, close, volume. Use nothing after bar t for the size at bar t, no chance,
    no clock and no file: the trial finds that out and refuses the file.
    """
    average = technical.sma(bars.close, period)  # NaN until there are enough bars, which compares as False
    buys = bars.close < average * (1 - drop / 100)
    sells = bars.close > average
    # The size changes where one of the two holds, and stays what it is in between.
    last_change = np.maximum.accumulate(np.where(buys | sells, np.arange(len(bars)), 0))
    return np.where(buys[last_change], 1.0, 0.0)
'''


def example_of(key: str, file: str) -> str:
    """Return the text of an example file."""
    return _EXAMPLE.format(key=key, file=file)
