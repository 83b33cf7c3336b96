"""Champions: the parameters a team uses, who adopted them, when and why; and a file of them for other systems.

`champions.json` in the data directory is replaced as a whole, so that a reader never sees half of it:

    {"format": "optimize-bot champions", "version": 1, "written_at": "2026-11-23T07:00:00+00:00",
     "champions": [{"symbol": "AAPL", "strategy": "rsi", "timeframe": "1d", "params": {"period": 14, …},
                    "allow_short": false, "reenter": "fresh", "by_regime": [],
                    "commission_bps": 10.0, "slippage_bps": 5.0, "tax_bps": 0.0,
                    "study": "opt-7f3a", "verdict": "promising", "out_of_sample_sharpe": 0.84,
                    "unseen_from": "2025-06-02", "adopted_by": "U012AB3CD",
                    "adopted_at": "2026-11-23T06:58:11+00:00", "why": "…", "replaced": "opt-1c2d"}]}

One entry per symbol, strategy and timeframe, in that order. Keys may be added within a version, never change meaning.
"""

import asyncio
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.documents.current_workspace import HOME, in_workspace, of_workspace, workspace
from bot.documents.recurring import Champion
from optimizer.clock import Clock
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy
from optimizer.studies.worker_messages import RivalRun

FILE_NAME = "champions.json"
_FORMAT = "optimize-bot champions"
_VERSION = 1


class AlreadyChampion(UserError):
    """Raised when the study's winner is the champion already. Facts: study, by."""


class NameTheRule(UserError):
    """Raised for a rule without a name, which no champion can be called by. Facts: study."""


class Champions:
    """Adopts and finds champions, and writes their file."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._file = home / FILE_NAME
        self._clock = clock
        self._writing = asyncio.Lock()

    async def adopt(self, study: OptimizationStudy, *, by: str, why: str = "", channel_id: str = "") -> Champion:
        """Make a finished study's winner the champion of its symbol and strategy.

        Raises AlreadyChampion, and NameTheRule for a rule that was not saved: all of those have one name.
        """
        if study.spec.rule is not None and not study.spec.rule.name:
            raise NameTheRule(study=study.study_name)
        async with self._writing:
            former = await self.find(study.spec)
            if former is not None and former.study_name == study.study_name and former.params == _winner(study):
                raise AlreadyChampion(study=study.study_name, by=former.adopted_by)
            champion = _champion_of(study, by, self._clock())
            champion.why, champion.channel_id, champion.team = why, channel_id, workspace()
            champion.replaced = former.study_name if former else ""
            await champion.insert()
            await self._write()
        return champion

    async def find(self, spec: StudySpec) -> Champion | None:
        """Return the current champion that a study of this kind challenges."""
        return await Champion.find(_kind(spec) | of_workspace()).sort("-adopted_at", "-_id").first_or_none()

    async def history(self, spec: StudySpec) -> list[Champion]:
        """Return all champions of this kind, the current one first."""
        return await Champion.find(_kind(spec) | of_workspace()).sort("-adopted_at", "-_id").to_list()

    async def current(self) -> list[Champion]:
        """Return the current champions of the current workspace, by symbol and strategy."""
        return [champion for champion in await self.everywhere() if champion.team == workspace()]

    async def everywhere(self) -> list[Champion]:
        """Return the current champions of all workspaces, by symbol and strategy."""
        newest: dict[tuple[str, str, str, str], Champion] = {}
        for champion in await Champion.find_all().sort("adopted_at", "_id").to_list():
            newest[champion.symbol, champion.strategy_name, champion.timeframe, champion.team] = champion
        return [newest[kind] for kind in sorted(newest)]

    async def write(self) -> None:
        """Write the file again, since a stop may have come between an adoption and its file."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        """Write the champions of the bot's own workspace: one entry of a kind."""
        with in_workspace(HOME):
            champions = await self.current()
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "written_at": self._clock().isoformat(),
            "champions": [_entry(champion) for champion in champions],
        }
        await asyncio.to_thread(_replace, self._file, json.dumps(document, indent=2, allow_nan=False) + "\n")


def rival_of(champion: Champion) -> RivalRun:
    """Return the champion as the challenger's rival."""
    spec = champion.spec
    return RivalRun(
        params=champion.params,
        allow_short=spec.allow_short,
        reenter=spec.reenter,
        rule=spec.rule,
        by_regime=spec.by_regime,
        unseen_from=champion.unseen_from,
    )


def _kind(spec: StudySpec) -> dict[str, Any]:
    return {"symbol": spec.label, "strategy_name": spec.strategy_name, "timeframe": spec.timeframe}


def _winner(study: OptimizationStudy) -> dict[str, Any]:
    assert study.summary is not None, "only a finished study has a winner"
    return dict(study.summary.winner.params)


def _champion_of(study: OptimizationStudy, by: str, now: datetime) -> Champion:
    assert study.summary is not None, "only a finished study has a winner"
    outside, window = study.summary.winner.out_of_sample, study.window
    return Champion(
        **_kind(study.spec),
        params=_winner(study),
        study_name=study.study_name,
        spec=study.spec,
        unseen_from=window.holdout_date or window.end_date + timedelta(days=1),
        verdict=study.summary.verdict,
        out_of_sample=outside.sharpe_ratio if outside else None,
        adopted_by=by,
        adopted_at=now,
    )


def _entry(champion: Champion) -> dict[str, Any]:
    costs = champion.spec.costs
    return {
        "symbol": champion.symbol,
        "strategy": champion.strategy_name,
        "timeframe": champion.timeframe,
        "params": champion.params,
        "allow_short": champion.spec.allow_short,
        "reenter": champion.spec.reenter.value,
        "by_regime": list(champion.spec.by_regime),
        "commission_bps": costs.commission_bps,
        "slippage_bps": costs.slippage_bps,
        "tax_bps": costs.tax_bps,
        "study": champion.study_name,
        "verdict": str(champion.verdict),
        "out_of_sample_sharpe": champion.out_of_sample,
        "unseen_from": champion.unseen_from.isoformat(),
        "adopted_by": champion.adopted_by,
        "adopted_at": champion.adopted_at.isoformat(),
        "why": champion.why,
        "replaced": champion.replaced or None,
    }


def _replace(file: Path, text: str) -> None:
    """Replace the file atomically; the new content is on the disk before it is visible."""
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(fresh, file)
