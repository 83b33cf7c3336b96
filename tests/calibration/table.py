"""The calibration as Markdown tables."""

import math
from collections.abc import Sequence
from statistics import median

from optimizer.domain.study_results import Suggestion, Verdict
from tests.calibration.studies import WORLDS, Outcome, favourable_share

_VERDICTS = tuple(Verdict)


def rendered(outcomes: Sequence[Outcome]) -> str:
    """One row a world, in the order of declaration."""
    head = ["world", "studies", "true", *(verdict.replace("_", " ") for verdict in _VERDICTS)]
    head += ["promising or strong", "95 %", "adopt", "research", "drop", "p below 0.05"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for name in WORLDS:
        made = [found for found in outcomes if found.world == name and found.judgement is not None]
        if made:
            lines.append(_line(_cells(name, made)))
    return "\n".join(lines)


def _cells(name: str, made: Sequence[Outcome]) -> list[str]:
    judgements = [found.judgement for found in made if found.judgement is not None]
    share = favourable_share(made)
    suggestions = (Suggestion.ADOPT, Suggestion.RESEARCH, Suggestion.DROP)
    true = [found.true_sharpe for found in made if found.true_sharpe is not None]
    ps = [p for found in made if (p := found.figures.get("p")) is not None]
    return [
        name,
        str(len(made)),
        f"{median(true):.2f}" if true else "–",
        *(_share(sum(j.verdict is verdict for j in judgements), len(made)) for verdict in _VERDICTS),
        f"**{share:.1%}**",
        "–".join(f"{end:.1%}" for end in wilson(share, len(made))),
        *(_share(sum(j.suggestion is suggestion for j in judgements), len(made)) for suggestion in suggestions),
        _share(sum(p < 0.05 for p in ps), len(made)),
    ]


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of n (Wilson 1927)."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
