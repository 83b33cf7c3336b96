"""The table of forecasts: made once, scored once, again when bars were corrected, closed when they never come."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from optimizer.domain.kept_forecasts import ForecastPart, ForecastRow, Score, Subject
from optimizer.domain.results.forecast_results import LEVELS, ForecastMeasure, ForecastOf
from optimizer.domain.study_request import StudySpec
from optimizer.market.raw_bars import RawBars
from optimizer.market.warehouse.forecast_history import (
    UNKNOWABLE,
    close_unknowable,
    due_forecasts,
    keep_forecasts,
    kept_studies,
    store_scores,
    told_forecasts,
)
from optimizer.market.warehouse.warehouse import Warehouse
from tests.reports.forecasts import TARGET, forecast

NOW = datetime(2012, 10, 31, 22, tzinfo=UTC)
PART = ForecastPart(
    study_name="opt-7f3a", spec=StudySpec(symbol="AAPL", strategy_name="rsi"), params={"period": 14}, source="sample"
)
SUBJECT = Subject(
    parts=(PART,), data_hash="ab12", code_version="1.0", created_by="U1", audience="workspace", team=""
)  # fmt: skip


def score_of(row: ForecastRow, realised: float = 0.03, data_hash: str = "cd34") -> Score:
    """A score of a row."""
    return Score(
        forecast_id=row.forecast_id,
        horizon_bars=row.horizon_bars,
        measure=row.measure,
        realised=realised,
        realised_hash=data_hash,
        pit=0.6,
        crps=0.01,
        crps_naive=0.02,
        inside_50=True,
        inside_90=True,
    )


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse.open(":memory:", now=NOW)


def test_the_same_forecast_is_kept_once_and_a_measure_that_does_not_exist_has_no_row(warehouse: Warehouse) -> None:
    for _ in range(2):
        keep_forecasts(
            warehouse, [forecast(has_sharpe=False), forecast(ForecastOf.HOLD, has_sharpe=False)], SUBJECT, now=NOW
        )

    rows = told_forecasts(warehouse, symbol="AAPL")
    assert len(rows) == 2 * 2 * 3  # kinds, horizons, measures
    assert {row.measure for row in rows} == set(ForecastMeasure) - {ForecastMeasure.SHARPE_RATIO}
    told = next(row for row in rows if row.kind is ForecastOf.WINNER and row.measure is ForecastMeasure.TOTAL_RETURN)
    whole = forecast().horizons[0].measures[0].quantiles
    assert [told.least, told.low, told.median, told.high] == [whole[i] for i in (0, 2, 11, 20)]
    assert (LEVELS[0], LEVELS[2], LEVELS[11], LEVELS[20]) == (0.01, 0.05, 0.5, 0.95)
    assert (told.made_at, told.realised, told.is_hindsight) == (NOW, None, False)
    assert kept_studies(warehouse) == {"opt-7f3a"}
    assert told_forecasts(warehouse, symbol="MSFT") == told_forecasts(warehouse, study="opt-0000") == []


def test_a_row_is_due_once_its_last_day_has_come_and_until_it_is_scored(warehouse: Warehouse) -> None:
    keep_forecasts(warehouse, [forecast()], SUBJECT, now=NOW)

    assert due_forecasts(warehouse, TARGET - timedelta(days=1)) == []
    due = due_forecasts(warehouse, TARGET)
    assert {row.measure for row in due} == set(ForecastMeasure)
    assert {row.horizon_bars for row in due} == {21}
    assert due[0].parts == (PART,)

    store_scores(warehouse, [score_of(row) for row in due], now=NOW)
    assert due_forecasts(warehouse, TARGET) == []
    known = [row for row in told_forecasts(warehouse) if row.realised is not None]
    assert [(row.realised, row.scored_at, row.horizon_bars) for row in known] == [(0.03, NOW, 21)] * 4


def test_corrected_bars_are_scored_again_and_the_earlier_score_stays(warehouse: Warehouse) -> None:
    keep_forecasts(warehouse, [forecast()], SUBJECT, now=NOW)
    days = np.arange("2012-10-01", "2012-12-10", dtype="datetime64[D]")
    stored = bars(days)
    warehouse.upsert(stored, now=NOW)
    first = due_forecasts(warehouse, TARGET)
    store_scores(warehouse, [score_of(row) for row in first], now=NOW)

    close = stored.close.copy()
    close[days == np.datetime64("2012-11-15")] *= 1.02
    warehouse.upsert(replace(stored, close=close, high=close + 1), now=NOW + timedelta(days=1))
    again = due_forecasts(warehouse, TARGET)
    assert again == first
    store_scores(warehouse, [score_of(row, 0.05, "ef56") for row in again], now=NOW + timedelta(days=2))

    assert due_forecasts(warehouse, TARGET) == []
    assert {row.realised for row in told_forecasts(warehouse)} == {0.05, None}
    with warehouse.reading() as cursor:
        [(kept,)] = cursor.execute(
            "SELECT DISTINCT earlier_scores FROM portfolio_forecast_history WHERE scored_at IS NOT NULL"
        ).fetchall()
    assert [json.loads(line)["realised"] for line in kept.splitlines()] == [0.03]


def test_a_score_of_the_same_bars_leaves_no_earlier_one(warehouse: Warehouse) -> None:
    keep_forecasts(warehouse, [forecast()], SUBJECT, now=NOW)
    scores = [score_of(row) for row in due_forecasts(warehouse, TARGET)]
    for _ in range(2):
        store_scores(warehouse, scores, now=NOW)

    with warehouse.reading() as cursor:
        assert cursor.execute("SELECT DISTINCT earlier_scores FROM portfolio_forecast_history").fetchall() == [("",)]


def test_what_never_comes_is_closed_and_a_score_is_not(warehouse: Warehouse) -> None:
    keep_forecasts(
        warehouse, [forecast(has_sharpe=False), forecast(ForecastOf.HOLD, has_sharpe=False)], SUBJECT, now=NOW
    )
    due = due_forecasts(warehouse, TARGET)
    store_scores(warehouse, [score_of(row) for row in due if row.kind is ForecastOf.HOLD], now=NOW)

    close_unknowable(warehouse, due)

    closed = {row.kind: row.closed for row in told_forecasts(warehouse) if row.horizon_bars == 21}
    assert closed == {ForecastOf.WINNER: UNKNOWABLE, ForecastOf.HOLD: ""}
    assert due_forecasts(warehouse, TARGET) == []


def bars(days: np.ndarray) -> RawBars:
    """Bars whose close is steady."""
    ones = np.ones(len(days))
    return RawBars(
        symbol="AAPL", timeframe="1d", source="sample", time=days.astype("datetime64[us]"), open=100 * ones,
        high=101 * ones, low=99 * ones, close=100 * ones, volume=1000 * ones, factor=ones, split=ones,
    )  # fmt: skip
