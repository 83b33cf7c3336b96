"""Registry of the sources, built from a few settings."""

from pathlib import Path

from pydantic import SecretStr

from optimizer.domain.study_request import Frozen
from optimizer.market.providers.alphavantage import URL, AlphaVantage
from optimizer.market.providers.file import Files
from optimizer.market.providers.provider import Provider
from optimizer.market.providers.sample import Sample
from optimizer.market.providers.yahoo import Yahoo


class ProviderSettings(Frozen):
    """Settings of the sources; Alpha Vantage needs a key, and files need a folder."""

    cache_folder: Path
    file_folder: Path | None = None
    alphavantage_key: SecretStr | None = None
    alphavantage_is_adjusted: bool = True
    alphavantage_per_minute: int = 5
    alphavantage_url: str = URL
    yahoo_url: str | None = None
    has_yahoo: bool = True


def make_providers(settings: ProviderSettings) -> tuple[Provider, ...]:
    """Build the sources that the settings allow."""
    providers: list[Provider] = [Sample(), Files(settings.file_folder)]
    if settings.has_yahoo:
        providers.append(Yahoo(cache_folder=settings.cache_folder, url=settings.yahoo_url))
    if settings.alphavantage_key:
        providers.append(
            AlphaVantage(
                settings.alphavantage_key,
                url=settings.alphavantage_url,
                is_adjusted=settings.alphavantage_is_adjusted,
                per_minute=settings.alphavantage_per_minute,
            )
        )
    return tuple(providers)
