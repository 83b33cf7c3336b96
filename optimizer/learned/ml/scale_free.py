"""The 22 columns of the feature store without a scale, so that a model of one decade can read another."""

from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.indicators.feature_columns import FEATURES, compute

#: Averages and bands, as distances from the close.
_LEVELS = ("ema_12", "ema_26", "sma_5", "sma_10", "sma_20", "sma_50", "bb_upper", "bb_middle", "bb_lower")
_MOMENTUM = ("macd", "macd_signal", "macd_hist")
#: The columns that need a volume.
OF_VOLUME = ("volume_sma_20", "volume_ratio", "obv")
_SPAN = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """Features at each close, by the names of the columns they come from."""

    names: tuple[str, ...]
    values: FloatArray  # (n_bars, n_features); rows of the warm-up hold NaN
    dropped: tuple[str, ...]  # columns that say nothing of these bars

    @property
    def is_known(self) -> np.ndarray:
        """Rows of which every feature exists, (n_bars,)."""
        return np.asarray(~np.isnan(self.values).any(axis=1))


def feature_table(bars: Bars, columns: dict[str, FloatArray] | None = None) -> FeatureTable:
    """Features of bars, of stored `columns` or else computed; each depends on bars up to its own only.

    Levels are distances from the close, MACD is a fraction of it, OBV its change over 20 bars as a share of their
    volume, the volume's average its own change over 20 bars in logarithms. Where nothing was traded on the last 20
    bars the features of volume are 0, and the place between Bollinger bands without width is the middle.
    """
    found = dict(compute(bars) if columns is None else columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        found["rsi_14"] = found["rsi_14"] / 100.0
        for name in _LEVELS:
            found[name] = found[name] / bars.close - 1.0
        for name in _MOMENTUM:
            found[name] = found[name] / bars.close
        average = found["volume_sma_20"]
        found["obv"] = _change(found["obv"]) / (_SPAN * average)
        found["volume_sma_20"] = _change(np.log(average))
    n_warm = min(2 * _SPAN, len(bars))
    for name in OF_VOLUME:
        found[name] = np.where(np.isfinite(found[name]), found[name], 0.0)
        found[name][:n_warm] = np.nan
    found["bb_position"] = np.where(np.isnan(found["bb_position"]), 0.5, found["bb_position"])
    return FeatureTable(
        names=FEATURES,
        values=np.column_stack([found[name] for name in FEATURES]),
        dropped=() if bars.volume.any() else OF_VOLUME,
    )


def _change(values: FloatArray) -> FloatArray:
    changed = np.full(len(values), np.nan)
    changed[_SPAN:] = values[_SPAN:] - values[:-_SPAN]
    return changed
