"""The leaderboard's wishes and orders."""

from dataclasses import replace

import pytest

from bot.pages.leaderboard import COLUMNS, LeaderboardQuery, LeaderboardRow, in_order
from optimizer.errors import UnknownStrategy, UnknownWord
from tests.refused import refused
from tests.reports import facts


def rows() -> list[LeaderboardRow]:
    """Three rows in the order of the ranking."""
    names = ("strong", "promising", "overfit")
    return [LeaderboardRow(rank=rank, study=facts.finished(name)) for rank, name in enumerate(names, start=1)]


def test_an_address_without_a_query_asks_for_the_proven_by_rank() -> None:
    assert LeaderboardQuery.of({}) == LeaderboardQuery(
        symbol="", strategy="", verdict="proven", sort="rank", is_descending=False
    )


def test_a_wish_is_read_as_people_type() -> None:
    query = LeaderboardQuery.of({"symbol": " aapl ", "strategy": "RSI", "verdict": "overfit", "sort": "-drawdown"})

    assert query == LeaderboardQuery(
        symbol="AAPL", strategy="rsi", verdict="overfit", sort="drawdown", is_descending=True
    )


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"verdict": "stron"}, UnknownWord),
        ({"sort": "--rank"}, UnknownWord),
        ({"sort": "outsid"}, UnknownWord),
        ({"strategy": "rsii"}, UnknownStrategy),
    ],
)
def test_a_wish_that_cannot_be_names_the_nearest(query: dict[str, str], error: type[UnknownWord]) -> None:
    with refused(error, match="Did you mean"):
        LeaderboardQuery.of(query)


def test_a_heading_asks_for_the_greatest_first_and_then_for_the_other_way_round() -> None:
    assert LeaderboardQuery().next_sort("outside") == "-outside"
    assert LeaderboardQuery(sort="outside", is_descending=True).next_sort("outside") == "outside"
    assert LeaderboardQuery(sort="outside").next_sort("outside") == "-outside"
    assert LeaderboardQuery().next_sort("study") == "study"
    assert LeaderboardQuery().next_sort("rank") == "-rank"


def test_only_the_sorted_column_says_so() -> None:
    query = LeaderboardQuery(sort="trades", is_descending=True)

    assert {column: query.aria_sort(column) for column in COLUMNS if query.aria_sort(column) != "none"} == {
        "trades": "descending"
    }
    assert LeaderboardQuery().aria_sort("rank") == "ascending"


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("falls", [False, True])
def test_every_column_sorts_both_ways_and_keeps_every_row(column: str, falls: bool) -> None:
    found = in_order(rows()[::-1], LeaderboardQuery(sort=column, is_descending=falls))

    keys = [COLUMNS[column](row) for row in found]
    assert keys == sorted(keys, reverse=falls)  # type: ignore[type-var]
    assert sorted(row.rank for row in found) == [1, 2, 3]


@pytest.mark.parametrize("falls", [False, True])
def test_a_row_without_a_value_comes_last(falls: bool) -> None:
    first, *others = rows()
    summary = first.study.summary
    assert summary is not None
    assert summary.winner.out_of_sample is not None
    held = summary.winner.out_of_sample.model_copy(update={"sharpe_ratio": None})
    blank = summary.model_copy(update={"winner": summary.winner.model_copy(update={"out_of_sample": held})})
    row = replace(first, study=replace(first.study, summary=blank))

    assert in_order([row, *others], LeaderboardQuery(sort="outside", is_descending=falls))[-1].rank == 1
