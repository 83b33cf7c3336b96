"""The calibration as a Markdown table."""

from collections.abc import Callable, Sequence
from statistics import median

from optimizer.domain.study_results import Verdict
from tests.calibration.studies import Outcome, World, favourable_share

_VERDICTS = tuple(Verdict)
_TITLES = {World.WALK: "random walk", World.RISING: "rising walk", World.EDGE: "edge of Sharpe 2"}


def rendered(outcomes: Sequence[Outcome]) -> str:
    """One row a world and strategy, and one of all strategies a world."""
    head = [
        "market",
        "strategy",
        "studies",
        *(verdict.replace("_", " ") for verdict in _VERDICTS),
        "promising or strong",
    ]
    head += ["DSR", "skill", "PBO", "Sharpe in", "out", "folds"]
    lines = [_line(head), _line(["---", "---", *["---:"] * (len(head) - 2)])]
    for world in World:
        lines.extend(_world_lines(world, [o for o in outcomes if o.world == world and o.verdict]))
    return "\n".join(lines)


def _world_lines(world: World, made: Sequence[Outcome]) -> list[str]:
    names = sorted({outcome.strategy_name for outcome in made})
    lines = [_line(_cells(world, name, [o for o in made if o.strategy_name == name])) for name in names]
    total = [_line([f"**{cell}**" for cell in _cells(world, "all", made)])] if made else []
    return lines + total


def _cells(world: World, name: str, outcomes: Sequence[Outcome]) -> list[str]:
    shares = [sum(o.verdict == verdict for o in outcomes) / len(outcomes) for verdict in _VERDICTS]
    return [
        _TITLES[world],
        name,
        str(len(outcomes)),
        *(f"{share:.1%}" for share in shares),
        f"{favourable_share(outcomes):.1%}",
        *(_median(outcomes, figure) for figure in _FIGURES),
    ]


_FIGURES: tuple[Callable[[Outcome], float | None], ...] = (
    lambda outcome: outcome.deflated_sharpe_ratio,
    lambda outcome: outcome.skill,
    lambda outcome: outcome.pbo,
    lambda outcome: outcome.in_sample,
    lambda outcome: outcome.out_of_sample,
    lambda outcome: outcome.walk_forward,
)


def _median(outcomes: Sequence[Outcome], figure: Callable[[Outcome], float | None]) -> str:
    known = [value for value in map(figure, outcomes) if value is not None]
    return f"{median(known):.2f}" if known else "–"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
