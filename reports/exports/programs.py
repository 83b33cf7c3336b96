"""The winner of a study as a program of another system.

A layout of `templates/exports` for each target has the program's frame; its rules are written from one tree
(`built_in.signals_of`) by the writer of the target's language. What a target cannot express is refused
(`refusals.NotExpressible`), with the part and the nearest thing that works.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from optimizer.domain.space import Params
from optimizer.domain.study_request import Reentry, StudySpec
from reports.exports import indicator_code, trade_code
from reports.exports.built_in import VOLATILITY, signals_of
from reports.exports.expressions import Writer, number_text
from reports.exports.freqtrade_source import FreqtradeWriter
from reports.exports.limits import require_expressible
from reports.exports.numpy_source import NumpyWriter
from reports.exports.pine_source import PineWriter
from reports.exports.signals import Condition, Rules, columns_of
from reports.languages import TEMPLATES

#: Ending of the file for each target, and the type that an answer over HTTP declares.
ENDINGS: Mapping[str, str] = MappingProxyType(
    {"python": "py", "backtesting": "py", "vectorbt": "py", "freqtrade": "py", "pine": "pine"}
)
#: Overlays that programs have a constant for, 0 where they are off.
_OVERLAYS = ("stop", "take", "trail", "max_hold", "voltarget")
#: Functions of `trade_code` that a program of the target contains, in their order.
_FUNCTIONS: Mapping[str, tuple[Callable[..., object], ...]] = MappingProxyType(
    {
        "python": (
            trade_code.first_true,
            trade_code.find_trades,
            trade_code.find_exit,
            trade_code.find_fill,
            trade_code.fraction_of,
            trade_code.open_position,
            trade_code.open_order,
            trade_code.close_position,
            trade_code.play,
            trade_code.value_at,
            trade_code.table_of,
        ),
        "backtesting": (trade_code.fraction_of,),
        "vectorbt": (
            trade_code.first_true,
            trade_code.find_trades,
            trade_code.find_exit,
            trade_code.find_fill,
            trade_code.fraction_of,
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Winner:
    """What a program is written from: a finished study's request, its winner, and the bars that it traded."""

    study_name: str
    spec: StudySpec
    params: Params
    first: str  # time of the window's first bar and of its last one, in UTC
    last: str
    bars_per_year: float
    warm_up: int  # bars that indicators need
    n_before: int  # bars before the window that there were
    rules: Rules | None = None  # None: those of a built-in strategy

    @property
    def constants(self) -> list[tuple[str, str]]:
        """Name and value of each number that was chosen, without the overlays that have constants of their own."""
        numbers = {name: value for name, value in self.params.items() if not isinstance(value, str)}
        return [(name.upper(), number_text(value)) for name, value in numbers.items() if name not in _OVERLAYS]

    @property
    def choices(self) -> str:
        """Choices among the parameters, which the rules contain already."""
        return ", ".join(f"{name}={value}" for name, value in self.params.items() if isinstance(value, str))


def write_program(winner: Winner, target: str) -> str:
    """Return the text of a program. Raises NoRules or NotExpressible."""
    require_expressible(winner.study_name, winner.spec, winner.params, target)
    rules = winner.rules or signals_of(winner.spec, winner.params, target)
    facts = {**_facts(winner), **_WRITERS[target](winner, rules, target)}
    text: str = _environment().get_template(f"{target}.jinja").render(facts)
    return text


def _facts(winner: Winner) -> dict[str, Any]:
    """What every layout reads."""
    spec = winner.spec
    return {
        "winner": winner,
        "spec": spec,
        "costs": spec.costs,
        "account": spec.account,
        "overlays": [(name.upper(), number_text(float(winner.params.get(name, 0)))) for name in _OVERLAYS],
        "opens_again": spec.reenter is Reentry.SIGNAL,
        "number": number_text,
    }


def _sides(writer: Writer, rules: Rules, indent: int = 4) -> list[dict[str, str]]:
    """Entry and exit of each side as text; a program adds that a side does not open where it closes."""
    sides = {"long": rules.long, "short": rules.short}
    return [
        {"name": name, "enter": writer.assigned(side.enter, indent), "leave": writer.assigned(side.leave, indent)}
        for name, side in sides.items()
        if side is not None
    ]


def _numpy_facts(winner: Winner, rules: Rules, target: str) -> dict[str, Any]:
    is_sized = "voltarget" in winner.params
    writer = NumpyWriter(target, rules.conditions, [VOLATILITY] if is_sized else [])
    is_counted = is_sized and winner.spec.timeframe != "1d" and not winner.spec.counts_ahead
    functions = [inspect.getsource(function) for function in _FUNCTIONS[target]]
    if is_counted:
        functions.insert(0, inspect.getsource(indicator_code.bars_per_year_so_far))
    sources = [inspect.getsource(trade_code.read_bars), *writer.functions(), *functions]
    return {
        "lines": writer.lines(),
        "sides": _sides(writer, rules),
        "columns": sorted({"close", *_read(writer, rules.conditions)}),
        "functions": sources,
        "has_math": any("math." in source for source in sources),
        "is_sized": is_sized,
        "is_counted": is_counted,
        "volatility": writer.names.get(VOLATILITY, "None"),
    }


def _read(writer: NumpyWriter, conditions: tuple[Condition, ...]) -> set[str]:
    """Columns that the expressions name."""
    text = " ".join(expression for _, expression in writer.lines())
    named = {name for name in ("open", "high", "low", "volume") if f"{writer.column(name)}," in text}
    return named | columns_of(conditions)


def _freqtrade_facts(winner: Winner, rules: Rules, target: str) -> dict[str, Any]:
    writer = FreqtradeWriter(rules.conditions)
    words = winner.study_name.replace("_", "-").split("-")
    return {
        "lines": writer.lines(),
        "sides": _sides(writer, rules, 8),
        "functions": writer.functions(),
        "class_name": "".join(word.capitalize() for word in (*words, winner.spec.strategy_name)),
        "timeframe": "1M" if winner.spec.timeframe == "1mo" else winner.spec.timeframe,
    }


def _pine_facts(winner: Winner, rules: Rules, target: str) -> dict[str, Any]:
    writer = PineWriter(rules.conditions)
    costs = winner.spec.costs
    return {
        "lines": writer.lines(),
        "sides": _sides(writer, rules),
        "functions": writer.functions(),
        "percent": number_text(round((costs.commission_bps + costs.slippage_bps) / 100, 6)),
        "max_hold": int(winner.params.get("max_hold", 0)),
    }


_WRITERS: Mapping[str, Callable[[Winner, Rules, str], dict[str, Any]]] = MappingProxyType(
    {
        "python": _numpy_facts,
        "backtesting": _numpy_facts,
        "vectorbt": _numpy_facts,
        "freqtrade": _freqtrade_facts,
        "pine": _pine_facts,
    }
)


@cache
def _environment() -> Environment:
    """Layouts of programs: nothing is escaped, since nothing of theirs is shown to a browser or to Slack."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES / "exports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - source text, not a page
    )
