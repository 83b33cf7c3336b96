"""The engine's figures as Markdown, and their places in `docs/benchmarks.md` and `README.md`."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.timing import spelled, three_digits

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- written by: python -m tests.benchmarks engine --write -->", "<!-- end of what is written -->"
#: Peers in the order of their columns, with the names that people know them by.
PEERS = {
    "raptorbt": "raptorbt (Rust)",
    "phasor": "phasor-trader (Rust)",
    "numpy": "numpy, TA-Lib",
    "pandas": "pandas, TA-Lib",
    "vectorbt": "vectorbt",
    "backtesting": "backtesting.py",
    "backtrader": "backtrader",
}
TITLES = {
    "trial": "One trial of a study: prices laid out and indicator known",
    "raw": "One backtest from raw prices",
    "detail": "One detailed backtest from raw prices: equity, trades and every measure",
    "many": "200 parameter sets from raw prices",
    "grid": "The whole grid of 5,376 sets from raw prices",
    "alone": "Other calls of the product",
}
SHORT = {
    "trial": "one trial of a study (indicator known)",
    "raw": "one backtest from raw prices",
    "detail": "one detailed backtest: equity, trades, every measure",
    "many": "200 parameter sets from raw prices",
    "grid": "the whole grid of 5,376 sets",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One call: median seconds, and the total return it found (the mean of many sets)."""

    name: str
    seconds: float
    total_return: float


@dataclass(frozen=True, kw_only=True)
class Table:
    """Engines that do the same work, the product first."""

    work: str  # a key of TITLES
    n_bars: int
    n_sets: int
    rows: list[Row]


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run."""

    machine: str
    versions: str
    tables: list[Table]
    peak_mb: float


def document(results: Results) -> str:
    """Return all tables of a run."""
    parts = [f"Machine and versions of this run: {results.machine}, {results.versions}."]
    parts += [_table(table) for table in results.tables]
    parts.append(f"A 200-trial study over 500,000 bars peaks at {results.peak_mb:.0f} MB resident.")
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    title = f"### {TITLES[table.work]}, {table.n_bars:,} bars\n\n"
    return title + "\n".join(_times(table) if table.work == "alone" else _times_and_ratios(table))


def _times(table: Table) -> list[str]:
    return ["| | time |", "|---|---:|", *(f"| {row.name} | {spelled(row.seconds)} |" for row in table.rows)]


def _times_and_ratios(table: Table) -> list[str]:
    per, mean = ("bar and set", "mean ") if table.n_sets > 1 else ("bar", "")
    head = f"| | time | ns per {per} | × the product | {mean}total return |"
    return [head, "|---|---:|---:|---:|---:|", *(_line(row, table) for row in table.rows)]


def _line(row: Row, table: Table) -> str:
    per_bar = three_digits(1e9 * row.seconds / table.n_bars / table.n_sets)
    ratio = three_digits(row.seconds / table.rows[0].seconds)
    name = PEERS.get(row.name, row.name)
    return f"| {name} | {spelled(row.seconds)} | {per_bar} | {ratio} | {row.total_return:.2%} |"


def sentence(results: Results) -> str:
    """Return the one sentence about speed: ratios, the machine they are of, and the command that measures them."""
    shortest = min(table.n_bars for table in results.tables)
    said = [
        f"{SHORT[table.work]} takes {_ratio('raptorbt', table)} and {_ratio('vectorbt', table)}"
        for table in results.tables
        if table.n_bars == shortest and table.work in ("raw", "many")
    ]
    return f"{'; '.join(said)} ({results.machine}; `python -m tests.benchmarks engine`).".replace("one", "One", 1)


def _ratio(peer: str, table: Table) -> str:
    [took] = [row.seconds for row in table.rows if row.name == peer]
    return f"{PEERS[peer]} {three_digits(took / table.rows[0].seconds)} times as long"


def short_table(results: Results) -> str:
    """Return one line per kind of work on the shortest series: the product's time, and each peer's with its ratio."""
    head = [f"| | **the product** | {' | '.join(PEERS.values())} |", "|---|---:|" + "---:|" * len(PEERS)]
    shortest = min(table.n_bars for table in results.tables)
    tables = [table for table in results.tables if table.n_bars == shortest and table.work in SHORT]
    return "\n".join([*head, *map(_short_line, tables)])


def _short_line(table: Table) -> str:
    ours, times = table.rows[0].seconds, {row.name: row.seconds for row in table.rows}
    cells = [
        f"{spelled(times[peer])} ({three_digits(times[peer] / ours)}×)" if peer in times else "–" for peer in PEERS
    ]
    return f"| {SHORT[table.work]} | **{spelled(ours)}** | {' | '.join(cells)} |"


def write(results: Results) -> None:
    """Put the tables between the marks of both pages."""
    for name, text in (
        ("docs/benchmarks.md", document(results)),
        ("README.md", f"{sentence(results)}\n\n{short_table(results)}"),
    ):
        page = ROOT / name
        page.write_text(between_marks(page.read_text(), text))


def between_marks(page: str, text: str) -> str:
    """Return the page with the text between its two marks. Raises ValueError where a mark is missing."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"The page needs the lines `{BEGIN}` and `{END}`.")
    return f"{before}{BEGIN}\n\n{text}\n\n{end}{after}"
