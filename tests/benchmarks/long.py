"""Studies of long histories as the bot runs them: 200 trials on a year of minutes, judged and stored.

    python -m tests.benchmarks long [--bars 500000] [--repeats 3]

Each study runs in a worker process with the embedded MongoDB, its bars come from a file. Beside the seconds of each
part stands the most memory that the worker ever had.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from bot.runtime.services import Services
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Timings
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from tests.benchmarks.services import desk_in, finished, submitted
from tests.benchmarks.timing import peak_megabytes

SYMBOL = "BTC-USD"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks long", description=__doc__)
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    timings, megabytes = asyncio.run(_measure(options.bars, options.repeats))
    print(f"| 200 trials, {options.bars:,} bars, median of {options.repeats} | seconds |\n|---|---|")
    for part in ("start", "sampler", "backtest", "storage", "validation", "keeping", "total"):
        print(f"| {part} | {median(getattr(t, part) for t in timings):.2f} |")
    print(f"\nThe worker's memory at most: {megabytes:.0f} MB")


async def _measure(n_bars: int, repeats: int) -> tuple[list[Timings], float]:
    """Timings of the studies but the first, behind which the worker still imports, and the worker's peak in MB."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        async with desk_in(Path(folder) / "home", n_workers=1) as services:
            _import_minutes(services, Path(folder), n_bars)
            found = []
            for seed in range(repeats + 1):
                spec = StudySpec(
                    symbol=SYMBOL, strategy_name="rsi", n_trials=200, seed=seed, timeframe="1m", source="file"
                )
                (study,) = await finished(services, [await submitted(services, spec)])
                found.append(study.timings)
            peak = max(peak_megabytes(pid) for pid in services.pool.pids)
            return [timings for timings in found[1:] if timings is not None], peak


def _import_minutes(services: Services, folder: Path, n_bars: int) -> None:
    """Minutes of a market that never closes, up to now: a random walk."""
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 7e-4, n_bars)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) * (1.0 + np.abs(rng.normal(0.0, 2e-4, n_bars)))
    low = np.minimum(open_, close) / (1.0 + np.abs(rng.normal(0.0, 2e-4, n_bars)))
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    times = pd.date_range(end=now - timedelta(minutes=2), periods=n_bars, freq="min")
    columns = {"Open": open_, "High": high, "Low": low, "Close": close, "Volume": np.ones(n_bars)}
    path = folder / f"{SYMBOL}.csv"
    pd.DataFrame(columns, index=times).to_csv(path, index_label="Date", float_format="%.6f")
    import_files(path, services.market.warehouse, reading=Reading(timeframe="1m"), now=services.clock())


if __name__ == "__main__":
    main()
