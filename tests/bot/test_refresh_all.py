"""The daily refresh asks sources side by side, and none of them more often at once than it takes."""

import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

from bot.schedules.bar_refresh import refresh_all
from optimizer.errors import UnknownAtSource
from optimizer.market.feed import Market
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import walk

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)


class Busy:
    """Source that counts the requests which it answers at the same moment, and takes its time for each."""

    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(self, name: str, at_once: int) -> None:
        self.name = name
        self.at_once = at_once
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of a random walk; none of the symbol GONE."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.15)  # longer than a busy machine needs to begin the next one
        with self._lock:
            self._now -= 1
        if symbol == "GONE":
            raise UnknownAtSource(word=symbol, source=self.name)
        return walk(60, seed=sum(map(ord, symbol)), symbol=symbol, source=self.name)


async def test_each_source_gets_as_many_requests_at_once_as_it_takes(tmp_path: Path) -> None:
    one, three = Busy("one", 1), Busy("three", 3)
    keys = [SeriesKey(f"S{number}", "1d", source.name) for number in range(9) for source in (one, three)]
    with Warehouse.open(tmp_path / "bars.duckdb", sources=("one", "three")) as warehouse:
        market = Market(warehouse, [one, three], sources=("one", "three"))

        done = await refresh_all(market, [*keys, SeriesKey("GONE", "1d", "one")], lambda: NOW)

        assert [found.key for found in done[:-1]] == keys
        assert all(found.error is None for found in done[:-1])
        assert isinstance(done[-1].error, UnknownAtSource)
        stored = {one.key: warehouse.load(one.symbol, source=one.source) for one in warehouse.symbols()}
    assert set(stored) == set(keys)
    # Answers that came side by side are each stored under their own symbol.
    for key, bars in stored.items():
        assert (bars.close == walk(60, seed=sum(map(ord, key.symbol)), symbol=key.symbol).adjusted().close).all()
    assert (one.most, three.most) == (1, 3)


async def test_nothing_to_refresh_is_done_at_once(tmp_path: Path) -> None:
    with Warehouse.open(tmp_path / "bars.duckdb") as warehouse:
        assert await refresh_all(Market(warehouse, []), [], lambda: NOW) == []
