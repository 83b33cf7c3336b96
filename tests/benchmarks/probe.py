"""One side of a comparison: times the code of whichever checkout is on the path, one row per line of input.

    PYTHONPATH=CHECKOUT python -P tests/benchmarks/probe.py engine|study

Reads the name of a row from each line, and answers with a line of JSON: figures by name, in seconds. It imports
nothing of its own checkout, so it runs old and new code alike; `HOMES` names where each has what is timed.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import count, product
from pathlib import Path
from statistics import median
from typing import Any

#: Where a name is found: the first of these modules that exists. A move of the code adds a module in front.
HOMES = {
    "Evaluator": ("optimizer.engine.evaluator:Evaluator", "optimizer.evaluate:Evaluator"),
    "warm": ("optimizer.engine.evaluator:warm", "optimizer.evaluate:warm"),
    "Costs": ("optimizer.domain.study_request:Costs", "optimizer.spec:Costs"),
    "StudySpec": ("optimizer.domain.study_request:StudySpec", "optimizer.spec:StudySpec"),
    "find_strategy": ("optimizer.strategies.registry:find_strategy", "optimizer.strategies:find_strategy"),
    "search": ("optimizer.search.loop:search", "optimizer.study:search"),
    "Settings": ("bot.runtime.settings:Settings", "bot.settings:Settings"),
    "start_children": ("bot.runtime.processes:start_children", "bot.children:started"),
    "open_services": ("bot.runtime.services:open_services", "bot.composition:open_desk"),
    "sample_bars": ("tests.bars:sample_bars",),
    "made_up_bars": ("tests.bars:made_up_bars",),
}
DEFAULT = {"period": 14, "oversold": 30, "overbought": 70}
GRID = [dict(zip(DEFAULT, values, strict=True)) for values in product(range(10, 31), range(20, 36), range(65, 81))]
#: Seconds of one measurement of an engine row, and the most calls in it.
SPAN, MOST = 0.2, 500

Figures = dict[str, float]


def named(name: str) -> Any:
    """Import a name from where this checkout keeps it. Raises LookupError where it is in none of its homes."""
    for home in HOMES[name]:
        module, _, attribute = home.partition(":")
        if _exists(module) and hasattr(import_module(module), attribute):
            return getattr(import_module(module), attribute)
    raise LookupError(f"`{name}` is in none of {', '.join(HOMES[name])}: name its module in {__file__}.")


def _exists(module: str) -> bool:
    parent = module.rpartition(".")[0]
    return (not parent or _exists(parent)) and find_spec(module) is not None


def answer(figures: Figures) -> None:
    """Send the figures of one row."""
    print(json.dumps(figures), flush=True)


def serve_engine() -> None:
    """Time engine rows until the input ends."""
    named("warm")()
    rows = engine_rows()
    answer({})  # ready
    for line in sys.stdin:
        answer({line.strip(): typical(rows[line.strip()])})


def engine_rows() -> dict[str, Callable[[], object]]:
    """Return the calls of the engine that are compared, by the names that `compare` prints."""
    make, costs, strategy = named("Evaluator"), named("Costs")(), named("find_strategy")("rsi")
    apple = named("sample_bars")("AAPL")
    apple, long = apple.cut(len(apple) - 1258, len(apple)), named("made_up_bars")(500_000, volatility=0.01)
    spec, some = named("StudySpec")(symbol="AAPL", strategy_name="rsi"), GRID[::27]

    def fresh(bars: Any) -> Any:
        return make(strategy, bars, costs=costs)

    def scored(evaluator: Any, param_sets: list[dict[str, int]]) -> object:
        return evaluator.scores(param_sets, start=0, stop=len(evaluator.bars))

    def study() -> object:
        return list(named("search")(spec, strategy.space, fresh(apple), start=0, stop=1258, n_trials=200, seed=7))

    ready, long_ready = fresh(apple), fresh(long)
    return {
        "one trial": lambda: scored(ready, [DEFAULT]),
        "one trial, 500,000 bars": lambda: scored(long_ready, [DEFAULT]),
        "from raw prices": lambda: scored(fresh(apple), [DEFAULT]),
        "from raw prices, 500,000 bars": lambda: scored(fresh(long), [DEFAULT]),
        "in detail": lambda: fresh(apple).backtest(DEFAULT, start=0, stop=1258).measures,
        "200 sets": lambda: scored(fresh(apple), some),
        "5,376 sets": lambda: scored(fresh(apple), GRID),
        "search of 200 trials": study,
    }


def typical(work: Callable[[], object]) -> float:
    """Median seconds of a call, after one to warm up."""
    work()
    times: list[float] = []
    while not times or (sum(times) < SPAN and len(times) < MOST):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times)


async def serve_studies() -> None:
    """Run one stored study for each line, of as many trials as the line says."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        settings = named("Settings").model_validate({"OPTIMIZE_BOT_HOME": Path(folder), "OPTIMIZE_BOT_WORKERS": 1})
        async with (
            named("start_children")(settings) as children,
            named("open_services")(settings, children) as services,
        ):
            await services.jobs.start()
            await services.pool.ready()
            await stored_study(services, 200, seed=0)  # behind the first one its worker still imports what judges
            answer({})  # ready
            for seed in count(1):
                line = await asyncio.to_thread(sys.stdin.readline)
                if not line:
                    return
                answer(await stored_study(services, int(line), seed=seed))


async def stored_study(services: Any, n: int, *, seed: int) -> Figures:
    """Return how long a study of n trials took, as its worker measured it."""
    spec = named("StudySpec")(symbol="AAPL", strategy_name="rsi", n_trials=n, seed=seed, folds=4)
    studies = services.studies if hasattr(services, "studies") else services.service  # its name before the move
    name = (await studies.create_study(spec, created_by="benchmark")).study_name
    await services.jobs.submit(name)
    while not (study := await studies.find(name)).status.is_finished:
        await asyncio.sleep(0.05)
    assert study.timings is not None, study.failure
    took = study.timings
    label = f"stored study of {n:,} trials"
    return {f"{label}, search": took.sampler + took.backtest + took.storage, f"{label}, whole": took.total}


if __name__ == "__main__":
    if sys.argv[1] == "engine":
        serve_engine()
    else:
        asyncio.run(serve_studies())
