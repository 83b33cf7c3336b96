"""Time to score due forecasts: `python -m tests.benchmarks due_forecasts [ROWS]`, in processor seconds."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.schedules.forecast_scoring import scores_of
from optimizer.domain.kept_forecasts import ForecastPart, Play, Subject
from optimizer.domain.study_request import StudySpec
from optimizer.market.feed import Market
from optimizer.market.providers.sample import SYMBOLS, Sample
from optimizer.market.snapshots import read_snapshot
from optimizer.market.warehouse.forecast_history import due_forecasts, keep_forecasts, store_scores
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.outlook.due_plays import due_plays
from optimizer.outlook.realised import Player
from optimizer.strategies.registry import STRATEGIES
from tests.reports.forecasts import forecast

NOW = datetime(2012, 12, 31, 23, tzinfo=UTC)
#: Rows of one forecast: two horizons of four measures, of which both have passed.
_PER_FORECAST = 8


def main(arguments: list[str]) -> None:
    """Keep so many rows, score them, and print what each step took."""
    n_rows = int(arguments[0]) if arguments else 1000
    with TemporaryDirectory() as folder, Warehouse.open(":memory:", now=NOW) as warehouse:
        for place in range(-(-n_rows // _PER_FORECAST)):
            as_of = date(2010, 1, 4) + timedelta(days=place % 700)
            keep_forecasts(warehouse, [forecast(as_of=as_of)], _subject(place), now=NOW)
        market, began = Market(warehouse, [Sample()]), time.process_time()
        rows = due_forecasts(warehouse, NOW.date())[:n_rows]
        due = due_plays(rows, market, Path(folder), NOW)
        found = time.process_time()
        player = Player(partial(read_snapshot, folder=Path(folder)))
        pairs, of_learning = [], 0.0
        for play, same in due.plays:
            before = time.process_time()
            pairs.append((same, player.realise(play)))
            of_learning += (time.process_time() - before) * _learns(play)
        played = time.process_time()
        store_scores(warehouse, scores_of([(same, became) for same, became in pairs if became]), now=NOW)
        ended = time.process_time()
    print(f"{len(rows)} rows, {len(due.plays)} plays: {ended - began:.1f} s of processor time")
    print(f"found {found - began:.1f} s, played {played - found:.1f} s, stored {ended - played:.1f} s")
    others = played - found - of_learning
    print(f"strategies that learn, of {sum(_learns(play) for play, _ in due.plays)} plays: {of_learning:.1f} s")
    print(f"the others: {others:.1f} s")


def _learns(play: Play) -> bool:
    """Return True if the strategy is fitted before it plays, which takes longer than all else."""
    return STRATEGIES[play.parts[0].part.spec.strategy_name].learned is not None


def _subject(place: int) -> Subject:
    symbol = sorted(SYMBOLS)[place % len(SYMBOLS)]
    strategy = list(STRATEGIES.values())[place % len(STRATEGIES)]
    spec = StudySpec(symbol=symbol, strategy_name=strategy.key)
    part = ForecastPart(study_name=f"opt-{place:04x}", spec=spec, params=dict(strategy.space.default), source="sample")
    return Subject(parts=(part,), data_hash="", code_version="", created_by="", audience="workspace", team="")
