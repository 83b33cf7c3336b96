"""What became of a forecast: its set over exactly the bars of its horizon, from flat, and over no other."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.kept_forecasts import ForecastPart, Play, PlayedPart, Realised
from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.market.providers.sample import Sample
from optimizer.outlook.realised import Player

NOW = datetime(2013, 1, 31, tzinfo=UTC)
AFTER, N_BARS = date(2010, 6, 30), 63
FREE = Costs(commission_bps=0.0, slippage_bps=0.0, tax_bps=0.0)


def bars_of(symbol: str) -> Bars:
    whole = Sample().fetch(symbol, timeframe="1d", start=date(2008, 1, 1), end=date(2012, 12, 31), now=NOW)
    return whole.adjusted()


BARS = {symbol: bars_of(symbol) for symbol in ("AAPL", "IBM")}


def part(symbol: str = "IBM") -> PlayedPart:
    spec = StudySpec(symbol=symbol, strategy_name="sma", costs=FREE)
    played = ForecastPart(study_name="opt-7f3a", spec=spec, params={"fast": 10, "slow": 50}, source="sample")
    return PlayedPart(part=played, data_hashes=(symbol,))


def play(*parts: PlayedPart, of: ForecastOf = ForecastOf.WINNER, n_bars: int = N_BARS) -> Play:
    return Play(of=of, after=AFTER, n_bars=n_bars, parts=parts or (part(),))


def realised(wanted: Play, bars: dict[str, Bars] = BARS) -> Realised:
    found = Player(bars.__getitem__).realise(wanted)
    assert found is not None
    return found


def test_hold_makes_what_the_bars_made_from_the_first_open_to_the_last_close() -> None:
    found, bars = realised(play(of=ForecastOf.HOLD)), BARS["IBM"]
    first = bars.row_at(AFTER + timedelta(days=1))

    expected = bars.close[first + N_BARS - 1] / bars.open[first] - 1.0
    assert found.measures[ForecastMeasure.TOTAL_RETURN] == pytest.approx(expected)
    assert set(found.measures) == set(ForecastMeasure)


def test_bars_after_the_horizon_change_nothing_and_bars_inside_it_change_the_hash() -> None:
    bars = BARS["IBM"]
    first = bars.row_at(AFTER + timedelta(days=1))
    later, inside = changed(bars, first + N_BARS), changed(bars, first + 5)

    assert realised(play(), {"IBM": later}) == realised(play())
    assert realised(play(), {"IBM": inside}).data_hash != realised(play()).data_hash


def changed(bars: Bars, row: int) -> Bars:
    """The bars with poison from a row on, for five rows."""
    columns = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in columns.values():
        values[row : row + 5] *= 1.5
    return Bars(symbol=bars.symbol, time=bars.time, volume=bars.volume, **columns)


def test_several_are_held_in_equal_parts() -> None:
    both = Player(BARS.__getitem__)
    each = [both.returns_after(part(symbol), ForecastOf.HOLD, AFTER, N_BARS).returns for symbol in BARS]
    found = realised(play(part("AAPL"), part("IBM"), of=ForecastOf.HOLD))

    assert found.measures[ForecastMeasure.TOTAL_RETURN] == pytest.approx(np.prod(1 + np.mean(each, axis=0)) - 1)


def test_what_is_not_there_or_plays_no_more_is_not_realised() -> None:
    gone = part().part.model_copy(update={"spec": StudySpec(symbol="IBM", strategy_name="nosuch")})

    assert Player(BARS.__getitem__).realise(play(n_bars=5000)) is None
    assert Player(BARS.__getitem__).realise(play(PlayedPart(part=gone, data_hashes=("IBM",)))) is None
