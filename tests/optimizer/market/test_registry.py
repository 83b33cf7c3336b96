"""Which sources there are, what each lacks, and what is said of one that is not there."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from optimizer.errors import MissingKey, UnknownSource
from optimizer.market.feed import Market
from optimizer.market.providers.online.exchanges import EXCHANGES
from optimizer.market.providers.registry import (
    BUILT_IN,
    KEYED,
    ProviderSettings,
    SourceState,
    make_providers,
    source_states,
)
from optimizer.market.providers.table_settings import TableSettings
from optimizer.market.warehouse.warehouse import Warehouse
from tests.refused import refused

KEYS = {
    name: SecretStr("k")
    for name in (
        "alphavantage_key",
        "alpaca_key_id",
        "alpaca_secret_key",
        "polygon_key",
        "stooq_key",
        "tiingo_key",
    )
}
TABLES = {"prices": TableSettings(at=SecretStr("postgresql://db/prices"), table="bars")}


def settings(**changes: object) -> ProviderSettings:
    return ProviderSettings.model_validate({"cache_folder": Path("unused"), **changes})


def names(**changes: object) -> list[str]:
    """Names of the sources but for the exchanges."""
    return [one.name for one in make_providers(settings(**changes)) if one.name not in EXCHANGES]


def test_sources_are_those_that_the_settings_allow() -> None:
    keyed = ["alphavantage", "alpaca", "polygon", "stooq", "tiingo"]

    assert names(has_yahoo=False) == ["sample", "file", "krx"]
    assert names(**KEYS, tables=TABLES) == ["sample", "file", "yahoo", *keyed, "krx", "table:prices"]
    assert "alpaca" not in names(alpaca_key_id=SecretStr("k"))


def test_every_exchange_is_a_source_by_its_id() -> None:
    assert {"binance", "kraken", "upbit"} <= {one.name for one in make_providers(settings())}


def test_the_names_that_no_plugin_may_take_are_those_of_every_source() -> None:
    assert {one.name for one in make_providers(settings(**KEYS))} <= BUILT_IN


def test_each_source_tells_what_it_lacks() -> None:
    states = {one.name: one for one in source_states(settings(tiingo_key=SecretStr("k"), tables=TABLES))}

    assert set(states) == {"file", "sample", "yahoo", "krx", "ccxt", "table:prices", *KEYED}
    assert states["tiingo"] == SourceState("tiingo", True, states["tiingo"].result)
    assert states["tiingo"].result.key == "key_set"
    assert (states["alpaca"].is_ready, str(states["alpaca"].result)) == (
        False,
        "key_not_set setting=ALPACA_KEY_ID, ALPACA_SECRET_KEY",
    )
    assert states["file"].is_ready


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("binanse", "There is no data source called `binanse`. Did you mean `binance`?"),
        ("tingo", "There is no data source called `tingo`. Did you mean `tiingo`?"),
        ("table:price", "There is no data source called `table:price`. Did you mean `table:prices`?"),
        (
            "moon",
            "There is no data source called `moon`. I know: file, krx, sample, table:prices, yahoo, and exchanges such "
            "as binance.",
        ),
    ],
)
def test_an_unknown_source_offers_the_nearest_of_its_kind(warehouse: Warehouse, typed: str, sentence: str) -> None:
    market = Market(warehouse, make_providers(settings(tables=TABLES)), sources=(typed,))

    with refused(UnknownSource, match=f"^{re.escape(sentence)}$"):
        market.require_sources()


def test_a_source_without_its_key_names_the_setting(warehouse: Warehouse) -> None:
    market = Market(warehouse, make_providers(settings()), sources=("alpaca",))

    with refused(MissingKey, match="The source `alpaca` needs a key. Set ALPACA_KEY_ID, ALPACA_SECRET_KEY where"):
        market.require_sources()


def test_exchanges_tables_and_keyed_sources_may_be_configured(warehouse: Warehouse) -> None:
    providers = make_providers(settings(**KEYS, tables=TABLES))

    Market(warehouse, providers, sources=("table:prices", "tiingo", "krx", "upbit", "file", "sample")).require_sources()
