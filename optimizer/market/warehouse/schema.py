"""Tables of the warehouse and their migrations.

A migration is a text of SQL; its number is its position in the list. Only append to the list.
No index or primary key on `bars`: an index over five million rows costs more memory than the bars, and the
single writer, under a lock, ensures one row per series and time.
"""

from datetime import datetime

from duckdb import DuckDBPyConnection

from optimizer.errors import WarehouseTooNew
from optimizer.indicators.feature_columns import FEATURES

MIGRATIONS = (
    """
    CREATE SEQUENCE series_ids;
    CREATE TABLE series (
        series_id INTEGER DEFAULT nextval('series_ids'),
        symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, source VARCHAR NOT NULL,
        first TIMESTAMP, last TIMESTAMP, n_bars BIGINT NOT NULL DEFAULT 0, loaded_at TIMESTAMP,
        asked_from TIMESTAMP, checked_at TIMESTAMP
    );
    CREATE TABLE bars (
        series_id INTEGER NOT NULL, time TIMESTAMP NOT NULL,
        open DOUBLE NOT NULL, high DOUBLE NOT NULL, low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume DOUBLE,
        factor DOUBLE NOT NULL, split DOUBLE NOT NULL, loaded_at TIMESTAMP NOT NULL
    );
    CREATE TABLE technical_indicators_cache (
        symbol VARCHAR NOT NULL, indicator VARCHAR NOT NULL, params VARCHAR NOT NULL, data_hash VARCHAR NOT NULL,
        n_columns INTEGER NOT NULL, content BLOB NOT NULL, stored_at TIMESTAMP NOT NULL,
        PRIMARY KEY (symbol, indicator, params, data_hash)
    );
    CREATE TABLE quality_reports (
        symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, source VARCHAR NOT NULL, data_hash VARCHAR NOT NULL,
        checked_at TIMESTAMP NOT NULL, worst VARCHAR, report VARCHAR NOT NULL
    );
    """,
    f"""
    CREATE TABLE features (
        symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, source VARCHAR NOT NULL, version INTEGER NOT NULL,
        time TIMESTAMP NOT NULL, data_hash VARCHAR NOT NULL, {", ".join(f"{name} DOUBLE" for name in FEATURES)}
    );
    """,
    """
    CREATE TABLE bar_changes (
        symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, source VARCHAR NOT NULL, found_at TIMESTAMP NOT NULL,
        kind VARCHAR NOT NULL, first TIMESTAMP NOT NULL, last TIMESTAMP NOT NULL, n_bars BIGINT NOT NULL,
        largest DOUBLE, changes_returns BOOLEAN NOT NULL, report VARCHAR NOT NULL DEFAULT ''
    );
    """,
    """
    CREATE TABLE portfolio_forecast_history (
        forecast_id VARCHAR NOT NULL, horizon_bars INTEGER NOT NULL, measure VARCHAR NOT NULL, kind VARCHAR NOT NULL,
        made_at TIMESTAMP NOT NULL, as_of DATE NOT NULL, target_date DATE NOT NULL, study_name VARCHAR NOT NULL,
        symbols VARCHAR[] NOT NULL, timeframe VARCHAR NOT NULL, source VARCHAR NOT NULL, strategy_name VARCHAR NOT NULL,
        parts VARCHAR NOT NULL, data_hash VARCHAR NOT NULL, code_version VARCHAR NOT NULL, created_by VARCHAR NOT NULL,
        audience VARCHAR NOT NULL, team VARCHAR NOT NULL, quantiles DOUBLE[23] NOT NULL, mean DOUBLE,
        p_loss DOUBLE NOT NULL, n_bars INTEGER NOT NULL, block DOUBLE NOT NULL, seed HUGEINT NOT NULL,
        naive DOUBLE[23] NOT NULL, realised DOUBLE, realised_hash VARCHAR, scored_at TIMESTAMP, pit DOUBLE, crps DOUBLE,
        crps_naive DOUBLE, inside_50 BOOLEAN, inside_90 BOOLEAN, closed VARCHAR NOT NULL DEFAULT '',
        earlier_scores VARCHAR NOT NULL DEFAULT '', PRIMARY KEY (forecast_id, horizon_bars, measure)
    );
    """,
)


def migrate(connection: DuckDBPyConnection, now: datetime) -> int:
    """Migrate a warehouse to the newest schema, one transaction per step; returns the version.

    Raises WarehouseTooNew.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER, applied_at TIMESTAMP)")
    version = schema_version(connection)
    if version > len(MIGRATIONS):
        raise WarehouseTooNew(version=version, known=len(MIGRATIONS))
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN")
        connection.execute(script)
        connection.execute("INSERT INTO schema_versions VALUES (?, ?)", [number, now.replace(tzinfo=None)])
        connection.execute("COMMIT")
    return len(MIGRATIONS)


def schema_version(connection: DuckDBPyConnection) -> int:
    """Number of the last migration applied, 0 for a new file."""
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM schema_versions").fetchall()[0][0])
