"""Registry of the sources, built from a few settings."""

from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from optimizer.domain.study_request import Frozen
from optimizer.errors import MissingExtra, MissingKey, Phrase, UnknownSource, UserError, nearest
from optimizer.market.providers.file import Files
from optimizer.market.providers.online import alphavantage
from optimizer.market.providers.online.alpaca import Alpaca
from optimizer.market.providers.online.alphavantage import AlphaVantage
from optimizer.market.providers.online.exchanges import EXAMPLE, EXCHANGES, Exchange
from optimizer.market.providers.online.krx import Krx
from optimizer.market.providers.online.polygon import Polygon
from optimizer.market.providers.online.stooq import Stooq
from optimizer.market.providers.online.tiingo import Tiingo
from optimizer.market.providers.online.yahoo import Yahoo
from optimizer.market.providers.own_tables import OwnTable
from optimizer.market.providers.plugins import Plugins, installed_plugins
from optimizer.market.providers.provider import Provider
from optimizer.market.providers.sample import Sample
from optimizer.market.providers.table_settings import PREFIX, TableSettings

#: Sources that need a key, and the settings that it is in.
KEYED = {
    "alpaca": "ALPACA_KEY_ID, ALPACA_SECRET_KEY",
    "alphavantage": "ALPHAVANTAGE_API_KEY",
    "polygon": "POLYGON_API_KEY",
    "stooq": "STOOQ_API_KEY",
    "tiingo": "TIINGO_API_KEY",
}
#: Sources that need an optional package: the extra that brings it, and its name.
PACKAGES = {
    "sample": ("sample", "bokeh_sampledata"),
    "yahoo": ("yahoo", "yfinance"),
    "krx": ("krx", "FinanceDataReader"),
    **dict.fromkeys(EXCHANGES, ("ccxt", "ccxt")),
}
#: Names that no plugin may take.
BUILT_IN = frozenset({"file", *KEYED, *PACKAGES})


class ProviderSettings(Frozen):
    """Settings of the sources: some need a key, files a folder, and tables their place."""

    cache_folder: Path
    file_folder: Path | None = None
    alphavantage_key: SecretStr | None = None
    alphavantage_is_adjusted: bool = True
    alphavantage_per_minute: int = 5
    alphavantage_url: str = alphavantage.URL
    alpaca_key_id: SecretStr | None = None
    alpaca_secret_key: SecretStr | None = None
    polygon_key: SecretStr | None = None
    polygon_years: int = 2
    polygon_per_minute: int = 5
    stooq_key: SecretStr | None = None
    tiingo_key: SecretStr | None = None
    tables: Mapping[str, TableSettings] = {}
    yahoo_url: str | None = None
    has_yahoo: bool = True


class SourceState(NamedTuple):
    """A source, or all exchanges as `ccxt`: what it is ready for, or what it lacks."""

    name: str
    is_ready: bool
    result: Phrase


def make_providers(settings: ProviderSettings) -> tuple[Provider, ...]:
    """Build the sources that the settings allow, and those of other packages."""
    providers: list[Provider] = [Sample(), Files(settings.file_folder)]
    if settings.has_yahoo:
        providers.append(Yahoo(cache_folder=settings.cache_folder, url=settings.yahoo_url))
    providers += [*_keyed(settings), Krx()]
    providers += [OwnTable(name, table) for name, table in settings.tables.items()]
    providers += [Exchange(name) for name in EXCHANGES]
    return (*providers, *_plugins().providers)


def _keyed(settings: ProviderSettings) -> Iterator[Provider]:
    """Yield the sources whose keys are set."""
    if settings.alphavantage_key:
        yield AlphaVantage(
            settings.alphavantage_key,
            url=settings.alphavantage_url,
            is_adjusted=settings.alphavantage_is_adjusted,
            per_minute=settings.alphavantage_per_minute,
        )
    if settings.alpaca_key_id and settings.alpaca_secret_key:
        yield Alpaca(settings.alpaca_key_id, settings.alpaca_secret_key)
    if settings.polygon_key:
        yield Polygon(settings.polygon_key, years=settings.polygon_years, per_minute=settings.polygon_per_minute)
    if settings.stooq_key:
        yield Stooq(settings.stooq_key)
    if settings.tiingo_key:
        yield Tiingo(settings.tiingo_key)


def _plugins() -> Plugins:
    return installed_plugins(BUILT_IN)


def source_states(settings: ProviderSettings) -> list[SourceState]:
    """State of every source that there could be, in the order of their names; exchanges as one."""
    made = {provider.name for provider in make_providers(settings)}
    states = [_state(name, made) for name in sorted({*made, *KEYED} - set(EXCHANGES))]
    states += [_packaged("ccxt", "ccxt", "ccxt", Phrase("exchanges_ready", n=len(EXCHANGES), example=EXAMPLE))]
    states += [
        _packaged(PREFIX + name, "postgres", "psycopg", Phrase("source_ready"))
        for name, table in settings.tables.items()
        if table.is_postgres
    ]
    refused = [SourceState(one.name, False, Phrase("source_refused", reason=one.reason)) for one in _plugins().refused]
    return [*{one.name: one for one in states}.values(), *refused]


def _state(name: str, made: Collection[str]) -> SourceState:
    if name not in made:
        return SourceState(name, False, Phrase("key_not_set", setting=KEYED[name]))
    extra, package = PACKAGES.get(name, ("", ""))
    ready = Phrase("key_set") if name in KEYED else Phrase("source_ready")
    return _packaged(name, extra, package, ready) if package else SourceState(name, True, ready)


def _packaged(name: str, extra: str, package: str, ready: Phrase) -> SourceState:
    is_ready = find_spec(package) is not None
    return SourceState(name, is_ready, ready if is_ready else Phrase("extra_not_installed", extra=extra))


def refusal_of(name: str, known: Collection[str]) -> UserError | None:
    """Return why a source cannot be used here: it is not known, or lacks its key or its package; None if it can."""
    if name not in known:
        return unknown_source(name, known)
    extra, package = PACKAGES.get(name, ("", ""))
    return MissingExtra(source=name, extra=extra) if package and find_spec(package) is None else None


def unknown_source(name: str, known: Collection[str]) -> UserError:
    """Error for a source that is not there: its key is missing, or the nearest of its kind (a table for a table)."""
    if name in KEYED:
        return MissingKey(source=name, setting=KEYED[name])
    alike = [one for one in (*known, *KEYED) if one.startswith(PREFIX) == name.startswith(PREFIX)]
    others = ", ".join(sorted(set(known) - set(EXCHANGES)))
    has_exchanges = not set(known).isdisjoint(EXCHANGES)
    listed = Phrase("sources_and_exchanges", sources=others, example=EXAMPLE) if has_exchanges else others
    return UnknownSource(word=name, nearest=nearest(name, alike), known=listed)
