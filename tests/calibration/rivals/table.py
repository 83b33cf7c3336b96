"""The judges side by side, as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.domain.study_results import Verdict
from tests.calibration.rivals.answers import OURS, Answer
from tests.calibration.rivals.judges import JUDGES, Judge
from tests.calibration.table import wilson

#: What the worlds are made of, and the worlds; a good judge says "good" of the second part alone.
PARTS: Mapping[str, tuple[str, ...]] = {
    "noise": ("walk", "rising"),
    "edges": ("planted 1.0", "trend 1.4", "revert 1.0"),
    "dead edges": ("revert 1.9, dead", "trend 1.4, dead"),
}
_OUR_WORDS = (Verdict.STRONG.value, Verdict.PROMISING.value)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One judge: its words for good, and its verdicts by world; a study that it failed on is not among them."""

    name: str
    good: tuple[str, ...]
    verdicts: Mapping[str, Sequence[str]]
    n_failed: int = 0

    def share(self, worlds: Sequence[str], level: int) -> float:
        """Share of the studies called good by the judge's `level` highest words."""
        said = [word for world in worlds for word in self.verdicts[world]]
        return sum(word in self.good[:level] for word in said) / len(said) if said else 0.0

    @property
    def levels(self) -> list[tuple[float, ...]]:
        """Shares of the three parts, by its highest word and by its two highest."""
        counts = range(1, len(self.good) + 1)
        return [tuple(self.share(worlds, level) for worlds in PARTS.values()) for level in counts]


def rendered(answers: Sequence[Answer], absent: Mapping[str, str]) -> str:
    """Our row, then each judge's, from kept answers; `absent` has the reasons why judges were not asked, by name."""
    ours = _row("**this project**", OURS, _OUR_WORDS, answers)
    rows = [ours, *(_row(judge.name, judge.name, judge.good, answers) for judge in JUDGES if judge.name not in absent)]
    worlds = [(world, f"{world} ({len(ours.verdicts[world])})") for part in PARTS.values() for world in part]
    sizes = [sum(len(ours.verdicts[world]) for world in part) for part in PARTS.values()]
    head = _line(
        ["judge", *(f"**{part}** ({n})" for part, n in zip(PARTS, sizes, strict=True)), *dict(worlds).values()]
    )
    ruler = _line(["---", *["---:"] * (len(PARTS) + len(worlds))])
    missing = [
        _line([name, f"not asked: {why}", *[""] * (len(PARTS) + len(worlds) - 1)]) for name, why in absent.items()
    ]
    table = [head, ruler, *map(_cells, rows), *missing]
    return "\n\n".join([_caption(sizes), "\n".join(table), _givens(absent), _reading(rows)])


def _row(name: str, judge: str, good: tuple[str, ...], answers: Sequence[Answer]) -> Row:
    said = [answer for answer in answers if answer.judge == judge]
    verdicts = {
        world: [word for answer in said if _is_of(answer, world) and (word := answer.verdict) is not None]
        for worlds in PARTS.values()
        for world in worlds
    }
    return Row(name=name, good=good, verdicts=verdicts, n_failed=sum(answer.error is not None for answer in said))


def _is_of(answer: Answer, world: str) -> bool:
    """True if the study is of the world: its name is the world's, the strategy's and the seed, with commas between."""
    return answer.study.rsplit(", ", 2)[0] == world


def _cells(row: Row) -> str:
    columns = [*PARTS.values(), *((world,) for worlds in PARTS.values() for world in worlds)]
    shares = [" ".join(_percent(row, worlds, level) for level in range(1, len(row.good) + 1)) for worlds in columns]
    failed = f" ({row.n_failed} failed)" if row.n_failed else ""
    return _line([row.name + failed, *shares])


def _percent(row: Row, worlds: Sequence[str], level: int) -> str:
    """The share in per cent, a dash where nothing was said; that of the two highest words stands in brackets."""
    text = f"{row.share(worlds, level):.0%}".rstrip("%") if any(row.verdicts[world] for world in worlds) else "–"
    return text if level == 1 else f"({text})"


def _caption(sizes: Sequence[int]) -> str:
    noise = f"0 of {sizes[0]} is 0–{100 * wilson(0.0, sizes[0])[1]:.0f} %" if sizes[0] else "nothing was asked yet"
    return (
        f"{sum(sizes)} studies. Per cent of them that a judge calls good by its highest word (by its two highest); "
        f"in the head the number of studies. 95 % intervals are wide: {noise}."
    )


def _givens(absent: Mapping[str, str]) -> str:
    asked = [judge for judge in JUDGES if judge.name not in absent]
    ours = f"- **this project**: *{_OUR_WORDS[0]}* (or *{_OUR_WORDS[1]}*)."
    return "\n".join([ours, *(f"- {judge.name}: {_words(judge)}; given {judge.given}." for judge in asked)])


def _words(judge: Judge) -> str:
    first, *second = judge.good
    return f"*{first}*" + "".join(f" (or *{word}*)" for word in second)


def _reading(rows: Sequence[Row]) -> str:
    """Say of which judges every reading is matched by one of ours on noise, edges and dead edges at once."""
    ours, *rivals = rows
    matched = [rival.name for rival in rivals if not _unmatched(ours, rival)]
    told = f"At least as good on noise, edges and dead edges at once: this project than {_listed(matched) or 'none'}."
    others = [f"Not than {rival.name} ({'; '.join(_unmatched(ours, rival))})." for rival in rivals]
    return " ".join([told, *(text for text, rival in zip(others, rivals, strict=True) if _unmatched(ours, rival))])


def _unmatched(ours: Row, rival: Row) -> list[str]:
    """Readings of a judge than which none of ours is at least as good in all three parts."""
    return [
        f"{noise:.0%}, {edges:.0%} and {dead:.0%} by {'its highest word' if level == 1 else 'its two highest'}"
        for level, (noise, edges, dead) in enumerate(rival.levels, start=1)
        if not any(a <= noise and b >= edges and c <= dead for a, b, c in ours.levels)
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
