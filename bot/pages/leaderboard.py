"""Leaderboard: ranked as `top` ranks, then filtered and sorted as requested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.delivery.facts import study_facts
from optimizer.domain.study_results import Measures, Verdict
from optimizer.errors import UnknownWord
from optimizer.storage.study_queries import Query
from optimizer.strategies.registry import find_strategy
from optimizer.studies.service import OptimizationService
from optimizer.validation.verdict import PROVEN
from reports.facts import StudyFacts

#: Most rows; filters reach the others.
ROWS = 50
#: Groups of verdicts that the filter offers beside single ones.
GROUPS: Mapping[str, tuple[Verdict, ...]] = {"proven": PROVEN, "all": tuple(Verdict)}
VERDICTS = (*GROUPS, *(str(verdict) for verdict in Verdict))


@dataclass(frozen=True, kw_only=True)
class LeaderboardQuery:
    """Filter and sorting of the leaderboard."""

    symbol: str = ""
    strategy: str = ""
    verdict: str = "proven"
    sort: str = "rank"
    is_descending: bool = False

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "LeaderboardQuery":
        """Read the query of an address; raises UnknownWord and UnknownStrategy."""
        sort = fields.get("sort", "rank")
        verdict, strategy = fields.get("verdict") or "proven", fields.get("strategy", "").strip()
        query = cls(
            symbol=fields.get("symbol", "").strip().upper(),
            strategy=find_strategy(strategy).key if strategy else "",
            verdict=verdict,
            sort=sort.removeprefix("-"),
            is_descending=sort.startswith("-"),
        )
        for word, known in ((query.verdict, VERDICTS), (query.sort, COLUMNS)):
            if word not in known:
                raise UnknownWord.of(word, known)
        return query

    def next_sort(self, column: str) -> str:
        """Return the sorting after a click on a column's heading: highest first, then reversed."""
        falls = not self.is_descending if self.sort == column else column in _GREATEST_FIRST
        return f"-{column}" if falls else column

    def aria_sort(self, column: str) -> str:
        """Return a column's sorting as the value of `aria-sort`."""
        if self.sort != column:
            return "none"
        return "descending" if self.is_descending else "ascending"


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    """One row of the leaderboard."""

    rank: int
    study: StudyFacts

    @property
    def inside(self) -> Measures:
        """Measures of the winner in sample."""
        assert self.study.summary is not None
        return self.study.summary.winner.in_sample

    @property
    def outside(self) -> Measures:
        """Measures of the winner out of sample; only studies with some are ranked."""
        assert self.study.summary is not None
        assert self.study.summary.winner.out_of_sample is not None
        return self.study.summary.winner.out_of_sample

    @property
    def verdict_rank(self) -> int:
        """Rank of the verdict, 0 for the best."""
        assert self.study.summary is not None
        return list(Verdict).index(self.study.summary.verdict)

    @property
    def confidence(self) -> float | None:
        """Confidence that the result is more than luck and the market's rise: the order within a verdict."""
        return self.study.evidence.confidence


Key = float | int | str | datetime | None

#: Sort key of each column; a row without a value comes last.
COLUMNS: Mapping[str, Callable[[LeaderboardRow], Key]] = {
    "rank": lambda row: row.rank,
    "study": lambda row: f"{row.study.spec.symbol} {row.study.spec.strategy_name}",
    "verdict": lambda row: row.verdict_rank,
    "outside": lambda row: row.outside.sharpe_ratio,
    "inside": lambda row: row.inside.sharpe_ratio,
    "confidence": lambda row: row.confidence,
    "return": lambda row: row.outside.total_return,
    "drawdown": lambda row: row.outside.max_drawdown,
    "trades": lambda row: row.outside.n_trades,
    "asked": lambda row: row.study.created_at.timestamp(),
}
_GREATEST_FIRST = ("outside", "inside", "confidence", "return", "drawdown", "trades", "asked")


async def board(
    service: OptimizationService, query: LeaderboardQuery, now: datetime, among: Query
) -> list[LeaderboardRow]:
    """Return the rows of the studies of `among` that a query selects, sorted."""
    verdicts = GROUPS.get(query.verdict) or (Verdict(query.verdict),)
    ranked = await service.leaderboard(
        among=among,
        symbol=query.symbol or None,
        strategy_name=query.strategy or None,
        verdicts=verdicts,
        limit=ROWS,
    )
    rows = [LeaderboardRow(rank=rank, study=study_facts(study, now=now)) for rank, study in enumerate(ranked, start=1)]
    return in_order(rows, query)


def in_order(rows: list[LeaderboardRow], query: LeaderboardQuery) -> list[LeaderboardRow]:
    """Sort rows by the query's column, those without a value last."""
    key = COLUMNS[query.sort]
    known = [row for row in rows if key(row) is not None]
    unknown = [row for row in rows if key(row) is None]
    return sorted(known, key=key, reverse=query.is_descending) + unknown  # type: ignore[arg-type]
