"""The way people search one market: many strategies and variants, and the same request again with other seeds."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.domain.study_request import StudyRule, StudySpec
from optimizer.domain.study_results import Verdict
from optimizer.strategies.rules.errors import NothingToSearch
from optimizer.strategies.rules.tree import n_clauses
from optimizer.strategies.rules.writing import rule_text
from optimizer.validation.evidence import Evidence, evidence_of
from optimizer.validation.verdict import judge
from tests.bars import sample_bars
from tests.calibration.studies import EVERY, STOPS, World, bars_of, summary_of
from tests.optimizer.strategies.rules.random_rules import random_rule

#: What one person tries with each strategy, one after the other.
VARIANTS: tuple[Mapping[str, Any], ...] = ({"overlays": ("stop",)}, {"allow_short": True}, {"overlays": STOPS})
#: Part of a person who tries rules in words.
RULES, N_RULES = "12 rules", 12
SYMBOLS, PAIR_STRATEGIES, N_SEEDS = ("AAPL", "MSFT", "IBM", "GOOG"), ("rsi", "sma", "macd"), 30
_FIRST_DAY = date(2001, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Search:
    """One study of a series of them: its part, what tells it apart, and its evidence."""

    part: str  # "33 searches", "33 searches, rising", "12 rules" or "pairs"
    what: str  # the noise, or the pair
    number: int  # of the search, or the seed
    evidence: dict[str, Any]

    @property
    def verdict(self) -> Verdict:
        """Verdict of the tree of today."""
        return judge(Evidence(**self.evidence)).verdict


def searches_of(task: tuple[str, str]) -> list[Search]:
    """Make every search of one noise, or of one pair."""
    part, what = task
    if part == RULES:
        return list(_rules(what))
    return list(_pair(what) if part == "pairs" else _noise(part, what))


def make(tasks: Sequence[tuple[str, str]], results: Path, processes: int) -> None:
    """Make the searches of every noise and pair, and keep each as a line of JSON."""
    with get_context("spawn").Pool(processes) as pool, results.open("a") as file:
        for made in pool.imap_unordered(searches_of, tasks):
            file.writelines(json.dumps(asdict(search)) + "\n" for search in made)
            file.flush()


def read(results: Path) -> list[Search]:
    """Searches kept so far."""
    if not results.exists():
        return []
    return [Search(**json.loads(line)) for line in results.read_text().splitlines()]


def tasks_of_rules(n_noises: int) -> list[tuple[str, str]]:
    """Noises on which somebody tries twelve rules in words."""
    return [(RULES, f"{seed}") for seed in range(n_noises)]


def tasks_of(n_noises: int) -> list[tuple[str, str]]:
    """Noises that rise and do not, then the pairs of the sample."""
    noises = [(part, f"{seed}") for seed in range(n_noises) for part in ("33 searches", "33 searches, rising")]
    return [*(("pairs", f"{symbol} {name}") for symbol in SYMBOLS for name in PAIR_STRATEGIES), *noises]


def _noise(part: str, what: str) -> Iterator[Search]:
    world = World(name=part, sharpe=1.0 if part.endswith("rising") else 0.0)
    bars = bars_of(world, EVERY[0], 500 + int(what))
    assert bars is not None, "nothing is planted in noise"
    requests = [(name, variant) for name in EVERY for variant in VARIANTS]
    for number, (name, variant) in enumerate(requests):
        spec = StudySpec(symbol="WALK", strategy_name=name, seed=number, **variant)
        moved = spec.model_copy(update={"start": _FIRST_DAY + timedelta(days=number)})
        found = summary_of(moved, bars, n_searches=number + 1)
        yield Search(part=part, what=what, number=number, evidence=asdict(evidence_of(found)))


def _rules(what: str) -> Iterator[Search]:
    """Twelve random rules of up to four clauses, each searched with 200 sets, on one walk."""
    bars = bars_of(World(name=RULES), EVERY[0], 5_000 + int(what))
    assert bars is not None, "nothing is planted in noise"
    luck, number = np.random.default_rng(int(what)), 0
    while number < N_RULES:
        rule = random_rule(luck, others=False, depth=1)
        if not rule.has_long or rule.has_short or rule.is_without_exit or n_clauses(rule) > 4:
            continue
        spec = StudySpec(symbol="WALK", strategy_name="rule", rule=StudyRule(text=rule_text(rule)), seed=number)
        try:
            found = summary_of(spec, bars, n_searches=number + 1)
        except NothingToSearch:
            continue
        yield Search(part=RULES, what=what, number=number, evidence=asdict(evidence_of(found)))
        number += 1


def _pair(what: str) -> Iterator[Search]:
    symbol, name = what.split()
    bars = sample_bars(symbol)
    for seed in range(N_SEEDS):
        found = summary_of(StudySpec(symbol=symbol, strategy_name=name, seed=seed), bars)
        yield Search(part="pairs", what=what, number=seed, evidence=asdict(evidence_of(found)))


def rendered(searches: Sequence[Search]) -> str:
    """Noises of which at least one search was good, and studies that say something else than most of their pair."""
    lines = ["| searched | noises | at least one good | single studies good |", "| --- | ---: | ---: | ---: |"]
    for part in ("33 searches", "33 searches, rising", RULES):
        found = [search for search in searches if search.part == part]
        if found:
            good = [search for search in found if search.verdict in (Verdict.PROMISING, Verdict.STRONG)]
            noises = {search.what for search in found}
            share = len({search.what for search in good}) / len(noises)
            lines.append(f"| {part} | {len(noises)} | **{share:.1%}** | {len(good) / len(found):.1%} |")
    return "\n".join([*lines, "", *_pairs([search for search in searches if search.part == "pairs"])])


def _pairs(searches: Sequence[Search]) -> list[str]:
    lines = ["| pair | verdicts over the seeds | other than most |", "| --- | --- | ---: |"]
    others = 0
    for what in dict.fromkeys(search.what for search in searches):
        counted = Counter(search.verdict for search in searches if search.what == what)
        most = counted.most_common(1)[0][1]
        others += counted.total() - most
        said = ", ".join(f"{verdict.replace('_', ' ')} {count}" for verdict, count in counted.most_common())
        lines.append(f"| {what} | {said} | {counted.total() - most} |")
    share = others / len(searches) if searches else 0.0
    return [*lines, f"| **all** | {len(searches)} studies | **{share:.1%}** |"]
