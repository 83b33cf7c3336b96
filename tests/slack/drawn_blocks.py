"""The blocks of 2026 for pictures: a sortable table in pages, and charts as drawings.

They are stand-ins: which colours Slack chooses and where it sets its ticks nobody promises.
"""

import html
from collections.abc import Callable, Sequence

from tests.slack.workspace import Json

COLOURS = ("#1264a3", "#e8912d", "#007a5a", "#e01e5a", "#4a154b", "#616061")
WIDE, HIGH, LEFT, RIGHT, TOP, BELOW = 560, 240, 52, 12, 12, 44
LABELS_SHOWN = 6
PAGE_SIZE = 5  # where a table names none


def data_table(block: Json, cell: Callable[[Json], str]) -> str:
    """A sortable table: its heading, one page of rows, and how many there are."""
    head, *rows = block["rows"]
    shown = rows[: block.get("page_size", PAGE_SIZE)]
    titles = "".join(f"<td>{cell(each)} <span class='soft'>↕</span></td>" for each in head)
    body = "".join(f"<tr>{''.join(_cell(each, cell) for each in row)}</tr>" for row in shown)
    pages = f'<div class="soft">1–{len(shown)} of {len(rows)}</div>' if len(shown) < len(rows) else ""
    return f'<div class="wide"><table><tr>{titles}</tr>{body}</table></div>{pages}'


def _cell(each: Json, cell: Callable[[Json], str]) -> str:
    side = ' class="right"' if each["type"] == "raw_number" else ""
    return f"<td{side}>{cell(each)}</td>"


def data_visualization(block: Json) -> str:
    """A chart with its title and its legend; of a pie the legend is all."""
    chart = block["chart"]
    is_pie = chart["type"] == "pie"
    named = [f"{part['label']} {part['value']}" for part in chart["segments"]] if is_pie else _names(chart)
    legend = "".join(
        f'<span><i style="background:{COLOURS[n]}"></i>{html.escape(name)}</span>' for n, name in enumerate(named)
    )
    title = f"<b>{html.escape(html.unescape(block['title']))}</b>"
    plot = "" if is_pie else _plot(chart)
    return f'<div class="chart">{title}{plot}<div class="legend">{legend}</div></div>'


def _names(chart: Json) -> list[str]:
    return [series["name"] for series in chart["series"]]


def _plot(chart: Json) -> str:
    series, axes = chart["series"], chart["axis_config"]
    values = [[point["value"] for point in each["data"]] for each in series]
    low, high = _bounds(values, from_zero=chart["type"] != "line")
    n = len(axes["categories"])

    def x(at: float) -> float:
        return LEFT + (at + 0.5) / n * (WIDE - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HIGH - TOP - BELOW)

    marks = _bars(values, x, y, n) if chart["type"] == "bar" else _lines(values, x, y)
    ticks = "".join(_tick(low + (high - low) * part / 4, y) for part in range(5))
    step = max(1, -(-n // LABELS_SHOWN))
    below = "".join(
        f'<text x="{x(at):.0f}" y="{HIGH - BELOW + 16}" text-anchor="middle">{html.escape(label)}</text>'
        for at, label in enumerate(axes["categories"])
        if at % step == 0
    )
    across, up = (html.escape(axes.get(name, "")) for name in ("x_label", "y_label"))
    names = f'<text x="{WIDE / 2}" y="{HIGH - 8}" text-anchor="middle">{across}</text>'
    names += f'<text transform="rotate(-90)" x="{-HIGH / 2}" y="12" text-anchor="middle">{up}</text>'
    return f'<svg viewBox="0 0 {WIDE} {HIGH}">{ticks}{marks}{below}{names}</svg>'


def _bounds(values: Sequence[Sequence[float]], *, from_zero: bool) -> tuple[float, float]:
    every = [value for each in values for value in each] + ([0.0] if from_zero else [])
    low, high = min(every), max(every)
    return (low, high) if high > low else (low - 1, high + 1)


def _tick(value: float, y: Callable[[float], float]) -> str:
    at = y(value)
    line = f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
    return f'{line}<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:.2f}</text>'


def _lines(values: Sequence[Sequence[float]], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    return "".join(
        f'<polyline stroke="{COLOURS[n]}" points="'
        + " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(each))
        + '"/>'
        for n, each in enumerate(values)
    )


def _bars(
    values: Sequence[Sequence[float]], x: Callable[[float], float], y: Callable[[float], float], n_groups: int
) -> str:
    wide = (WIDE - LEFT - RIGHT) / n_groups / (len(values) + 1)
    found = []
    for n, each in enumerate(values):
        for at, value in enumerate(each):
            left = x(at) + (n - len(values) / 2) * wide
            top, bottom = sorted((y(value), y(0.0)))
            size = f'width="{wide:.1f}" height="{bottom - top:.1f}"'
            found.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{COLOURS[n]}"/>')
    return "".join(found)
