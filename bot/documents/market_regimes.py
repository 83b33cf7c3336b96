"""Kinds of markets, as they were said at the time."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from optimizer.domain.measured import Measure
from optimizer.domain.results.regime_results import Regime
from optimizer.storage.driver import DEFERRED

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class MarketRegime(Document):
    """Label of a symbol at one bar, as it was said; entries are only added.

    Bars that were revised later make a second entry of the same bar, and the newer one is shown.
    """

    model_config = DEFERRED

    symbol: str
    timeframe: str
    source: str
    as_of: datetime  # time of the bar, UTC
    regime: Regime
    confidence: float  # probability of the label
    probabilities: dict[Regime, float]
    metrics: dict[str, Measure] = Field(default_factory=dict)
    since: date
    n_bars_since: int
    previous: Regime | None = None
    foretells: bool = False  # the labels said more of the next return than a moving volatility, beyond chance
    n_bars: int  # it rests on
    n_doubts: int = 0  # faults of the last year's bars, such as an unadjusted split, and a source that ended
    version: int  # of the model
    data_hash: str  # of the bars
    revised: bool = False  # the bars up to `as_of` were others when it was first said
    created_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "market_regimes"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel(
                [(name, ASCENDING) for name in ("symbol", "timeframe", "source", "as_of", "version", "data_hash")],
                unique=True,
            ),
            IndexModel([("symbol", ASCENDING), ("as_of", DESCENDING)]),
        ]
