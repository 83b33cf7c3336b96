"""Words inside the charts, in the reader's language, from `templates/<language>/chart_labels.jinja`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.render import Language, renderer_of


@dataclass(frozen=True)
class ChartLabels:
    """Words by their keys; `{}` in a word stands for what `said` puts there."""

    labels: Mapping[str, str]
    titles: Mapping[str, str]  # by chart name
    goals: Mapping[str, str]
    regimes: Mapping[str, str]  # names of the kinds of markets
    dates: Mapping[str, Sequence[str]]  # formats of matplotlib's ConciseDateFormatter, by the names of its arguments

    def __getitem__(self, key: str) -> str:
        return self.labels[key]

    def said(self, key: str, *values: object) -> str:
        """Return a word with values in it, such as the name of a goal."""
        return self.labels[key].format(*values)


def labels_of(language: Language) -> ChartLabels:
    """Return the words of a language."""
    renderer = renderer_of(language)
    labels, titles, dates = (renderer.labels("chart_labels", table) for table in ("labels", "titles", "dates"))
    goals, regimes = renderer.labels("grammar", "goals"), renderer.labels("regimes", "names")
    return ChartLabels(labels=labels, titles=titles, goals=goals, regimes=regimes, dates=dates)
