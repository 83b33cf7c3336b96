"""Table of forecasts and of what became of them.

A row has the key forecast, horizon and measure: making a forecast again adds nothing. A row that is scored again, since
its bars were corrected, keeps its earlier scores.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from optimizer.domain.kept_forecasts import ForecastPart, ForecastRow, Score, ScoredForecast, Subject, rows_of
from optimizer.domain.results.forecast_results import Forecast, ForecastMeasure, ForecastOf
from optimizer.market.warehouse.warehouse import Warehouse

#: Why a row will never be scored: its symbol has no bars of its horizon.
UNKNOWABLE = "unknowable"
#: Days after its last day that a row may wait: the day is an expectation, and holidays move.
_LATE = timedelta(days=7)

_MADE = (
    "forecast_id", "horizon_bars", "measure", "kind", "made_at", "as_of", "target_date", "study_name", "symbols",
    "timeframe", "source", "strategy_name", "parts", "data_hash", "code_version", "created_by", "audience", "team",
    "quantiles", "mean", "p_loss", "n_bars", "block", "seed", "naive",
)  # fmt: skip
_PLACES = ", ".join(f"unnest(?{'::DOUBLE[23][]' if name in ('quantiles', 'naive') else ''})" for name in _MADE)
#: Of a list for each column: DuckDB plans and runs each row of `executemany` anew, which took as long as a study does.
_INSERT = f"INSERT INTO portfolio_forecast_history ({', '.join(_MADE)}) SELECT {_PLACES} ON CONFLICT DO NOTHING"
_OPEN = "scored_at IS NULL AND closed = ''"
_ROW = (
    "SELECT forecast_id, horizon_bars, measure, kind, as_of, target_date, parts, quantiles, naive "
    "FROM portfolio_forecast_history f "
)
#: Rows of which a bar was changed after they were scored. Days of their warm-up do not count: their bars are others.
_REVISED = """
    WHERE scored_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM bar_changes c WHERE list_contains(f.symbols, c.symbol) AND c.changes_returns
        AND c.found_at > f.scored_at AND c.first < f.target_date + INTERVAL 8 DAY AND c.last >= f.as_of
    )
"""
_SCORED = (
    "forecast_id", "kind", "study_name", "symbols", "strategy_name", "created_by", "audience", "team", "measure",
    "horizon_bars", "made_at", "as_of", "target_date", "quantiles[3]", "quantiles[12]", "quantiles[21]",
    "quantiles[1]", "n_bars", "block", "realised", "scored_at", "pit", "crps", "crps_naive", "inside_50", "inside_90",
    "closed",
)  # fmt: skip
_READ = f"SELECT {', '.join(_SCORED)} FROM portfolio_forecast_history "  # noqa: S608
_OVERDUE = f"{_READ} WHERE {_OPEN} AND target_date < ? ORDER BY target_date, forecast_id, horizon_bars, measure"
_SCORE = """
    UPDATE portfolio_forecast_history f SET
        earlier_scores = CASE WHEN f.scored_at IS NULL OR f.realised_hash = s.realised_hash THEN f.earlier_scores
            ELSE f.earlier_scores || to_json({
                'realised': f.realised, 'realised_hash': f.realised_hash, 'scored_at': f.scored_at, 'crps': f.crps
            })::VARCHAR || chr(10) END,
        realised = s.realised, realised_hash = s.realised_hash, pit = s.pit, crps = s.crps, crps_naive = s.crps_naive,
        inside_50 = s.inside_50, inside_90 = s.inside_90, scored_at = $now
    FROM (SELECT unnest($scores, recursive := true)) s
    WHERE f.forecast_id = s.forecast_id AND f.horizon_bars = s.horizon_bars AND f.measure = s.measure
"""
_CLOSE = f"UPDATE portfolio_forecast_history SET closed = ? WHERE forecast_id = ? AND horizon_bars = ? AND {_OPEN}"  # noqa: S608


def keep_forecasts(warehouse: Warehouse, forecasts: Iterable[Forecast], subject: Subject, *, now: datetime) -> None:
    """Store forecasts, made now, unless they are stored; buy and hold's is kept with the same subject."""
    rows = [_values(forecast, row, subject, now) for forecast in forecasts for row in rows_of(forecast, subject)]
    if rows:
        with warehouse.writing() as cursor:
            cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])


def kept_studies(warehouse: Warehouse) -> set[str]:
    """Names of the studies that have a forecast here."""
    with warehouse.reading() as cursor:
        return {
            name for (name,) in cursor.execute("SELECT DISTINCT study_name FROM portfolio_forecast_history").fetchall()
        }


def due_forecasts(warehouse: Warehouse, today: date) -> list[ForecastRow]:
    """Rows whose last day has passed and that have no score, and those whose bars changed since they were scored."""
    with warehouse.reading() as cursor:
        due = cursor.execute(_ROW + f"WHERE {_OPEN} AND target_date <= ? ORDER BY ALL", [today]).fetchall()
        revised = cursor.execute(_ROW + _REVISED + " ORDER BY ALL").fetchall()
    return [_row(*values) for values in (*due, *revised)]


def store_scores(warehouse: Warehouse, scores: Sequence[Score], *, now: datetime) -> None:
    """Store scores in one transaction; a score of other bars than before joins the earlier ones."""
    if scores:
        with warehouse.writing() as cursor:
            cursor.execute(_SCORE, {"scores": [_plain(score) for score in scores], "now": _naive(now)})


def close_unknowable(warehouse: Warehouse, rows: Iterable[ForecastRow]) -> None:
    """Close rows whose bars will not come, unless they are scored."""
    keys = sorted({(row.forecast_id, row.horizon_bars) for row in rows})
    with warehouse.writing() as cursor:
        for key in keys:
            cursor.execute(_CLOSE, [UNKNOWABLE, *key])


def overdue_forecasts(warehouse: Warehouse, today: date) -> list[ScoredForecast]:
    """Rows whose bars should have come some days ago, by the days on which they should."""
    with warehouse.reading() as cursor:
        found = cursor.execute(_OVERDUE, [today - _LATE]).fetchall()
    return [_scored(*values) for values in found]


def told_forecasts(
    warehouse: Warehouse, *, symbol: str | None = None, study: str | None = None
) -> list[ScoredForecast]:
    """Every stored row, of a symbol or a study where one is named, the last made first."""
    query = "WHERE (? IS NULL OR list_contains(symbols, ?)) AND (? IS NULL OR study_name = ?) "
    with warehouse.reading() as cursor:
        found = cursor.execute(
            _READ + query + "ORDER BY as_of DESC, made_at DESC, forecast_id, horizon_bars, measure",
            [symbol, symbol, study, study],
        ).fetchall()
    return [_scored(*values) for values in found]


def _values(forecast: Forecast, row: ForecastRow, subject: Subject, now: datetime) -> list[Any]:
    horizon = next(each for each in forecast.horizons if each.n_bars == row.horizon_bars)
    mean = next(each.mean for each in horizon.measures if each.measure is row.measure)
    first = subject.parts[0]
    return [
        row.forecast_id, row.horizon_bars, str(row.measure), str(row.kind), _naive(now), row.as_of, row.target_date,
        subject.study_name, list(subject.symbols), first.spec.timeframe, first.source, first.spec.strategy_name,
        json.dumps([part.model_dump(mode="json") for part in row.parts]), subject.data_hash, subject.code_version,
        subject.created_by, subject.audience, subject.team, list(row.quantiles), mean, horizon.p_loss,
        forecast.n_days, forecast.block, forecast.seed, list(row.naive),
    ]  # fmt: skip


def _row(name: str, n_bars: int, measure: str, kind: str, as_of: date, target: date, *more: Any) -> ForecastRow:
    parts, quantiles, naive = more
    return ForecastRow(
        forecast_id=name,
        horizon_bars=n_bars,
        measure=ForecastMeasure(measure),
        kind=ForecastOf(kind),
        as_of=as_of,
        target_date=target,
        parts=tuple(ForecastPart.model_validate(part) for part in json.loads(parts)),
        quantiles=tuple(quantiles),
        naive=tuple(naive),
    )


def _scored(*values: Any) -> ScoredForecast:
    names = list(ScoredForecast.__dataclass_fields__)
    found = dict(zip(names, values, strict=True))
    times = {name: found[name] and found[name].replace(tzinfo=UTC) for name in ("made_at", "scored_at")}
    words = {"kind": ForecastOf(found["kind"]), "measure": ForecastMeasure(found["measure"])}
    return ScoredForecast(**{**found, **times, **words, "symbols": tuple(found["symbols"])})


def _plain(score: Score) -> dict[str, Any]:
    return {name: getattr(score, name) for name in Score.__dataclass_fields__} | {"measure": str(score.measure)}


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
