"""The winner of a finished study for other systems: a program, or a table of what it did."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.grammar.commands import ExportFormat, TableFile
from bot.runtime.services import Services
from optimizer.domain.timeframes import parse_timeframe
from optimizer.lazy import LazyModule
from optimizer.market.snapshots import read_snapshot
from optimizer.storage.documents import OptimizationStudy
from optimizer.strategies.overlays import overlay_warm_up
from optimizer.strategies.registry import strategy_of
from optimizer.studies.worker_messages import ResultTable
from reports.exports.limits import require_expressible

if TYPE_CHECKING:
    from reports.exports import programs
else:
    # The programs' code is Python too, and imports pandas.
    programs = LazyModule("reports.exports.programs")


@dataclass(frozen=True)
class Program:
    """Source text and the name of its file."""

    text: str
    file: str


async def program_of(study: OptimizationStudy, target: ExportFormat, services: Services) -> Program:
    """Write the winner of a finished study as a program. Raises NoRules, NotExpressible, or NoSnapshot."""
    assert study.summary is not None, "only a finished study has a winner"
    spec, params, window = study.spec, study.summary.winner.params, study.summary.window
    require_expressible(study.study_name, spec, params, target)
    if parse_timeframe(spec.timeframe).is_intraday:
        await services.studies.mend_bars(study)
    first, last = await asyncio.to_thread(ends_of, study, services.settings.snapshots)
    file = f"{study.study_name}-{target}.{programs.ENDINGS[target]}"
    winner = programs.Winner(
        study_name=study.study_name,
        spec=spec,
        params=params,
        first=first,
        last=last,
        bars_per_year=window.periods_per_year,
        warm_up=max(strategy_of(spec).warm_up(params), overlay_warm_up(params)),
        n_before=window.n_warm_up,
    )
    return Program(programs.write_program(winner, target), file)


def ends_of(study: OptimizationStudy, snapshots: Path) -> tuple[str, str]:
    """Return the times of the window's first and last bar; those within a day are read from its snapshot.

    Raises NoSnapshot or DamagedSnapshot.
    """
    window = study.window
    if not parse_timeframe(study.spec.timeframe).is_intraday:
        return f"{window.start_date}", f"{window.end_date}"
    bars = read_snapshot(study.data_hash, snapshots)
    first, last = (str(bars.time[row].astype("datetime64[s]")) for row in (window.start, window.stop - 1))
    return first, last


async def write_result_table(
    study: OptimizationStudy, kind: ExportFormat, form: TableFile, folder: Path, services: Services
) -> Path:
    """Write trades or positions of the winner, computed again by a worker. Raises Unavailable when that dies."""
    file = folder / f"{study.study_name}-{kind}.{form}"
    await services.studies.tabulate(study, ResultTable(kind), file)
    return file
