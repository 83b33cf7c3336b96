"""The factors of a start command, and the command that a row of their values is."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Parameter, tidy
from optimizer.domain.study_request import SamplerKind
from optimizer.strategies.overlays import GATE
from optimizer.strategies.registry import OVERLAYS, find_strategy
from tests.fixed_rules import FIXED_RULES

#: Values of each factor; most are the words themselves.
FACTORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "strategy": FIXED_RULES,
        "goal": (
            *(key for key, goal in GOALS.items() if not goal.weighs),
            "sharpe,maxdd",
            "return,winrate",
            "profitfactor,sqn",
        ),
        "overlays": ("", *OVERLAYS, "stop=8 take=20", "trail reenter=signal"),
        "sampler": tuple(SamplerKind),
        "caps": ("", "maxdd<30", "trades>2", "sharpe>9", "exposure<60 volatility<80"),
        "narrowed": ("", "one", "all"),
        "symbols": ("BTC-USD", "BTC-USD,ETH-USD"),
        "timeframe": ("1d", "1h"),
        "window": ("years", "from", "span"),
        "costs": (
            "",
            "cost=0 slippage=0",
            "cost=100 slippage=20",
            "fees=krx borrow=3 rf=2 benchmark=ETH-USD",
            "capital=20000 whole per_share=0.01 min_fee=1 benchmark=cash",
        ),
        "holdout": ("", "0", "40"),
        "folds": ("0", "1", "3"),
        "trials": ("1", "12", "25"),
        "short": ("", "short"),
        "min_trades": ("", "0", "25"),
    }
)
#: The windows by timeframe: hourly bars are there for a quarter only.
_WINDOWS = {
    ("years", "1d"): "years=2",
    ("from", "1d"): "from=2021-12-15",
    ("span", "1d"): "from=2021-11-01 to=2023-12-20",
    ("years", "1h"): "years=2",
    ("from", "1h"): "from=2023-11-01",
    ("span", "1h"): "from=2023-10-25 to=2023-12-15",
}


def command_of(row: Mapping[str, str]) -> str:
    """The command that a person types for a row."""
    return " ".join(word for word in _words(row) if word)


def _words(row: Mapping[str, str]) -> Iterator[str]:
    yield from (row["symbols"], row["strategy"], row["trials"], f"goal={row['goal']}", f"sampler={row['sampler']}")
    yield "mode=shared" if "," in row["symbols"] else ""
    yield from (row["caps"], row["costs"], row["short"])
    yield from _parameters(row)
    yield f"timeframe={row['timeframe']}"
    yield _WINDOWS[row["window"], row["timeframe"]]
    yield from (f"{name}={row[name]}" for name in ("holdout", "folds", "min_trades") if row[name])


def _parameters(row: Mapping[str, str]) -> Iterator[str]:
    own = find_strategy(row["strategy"]).space.parameters
    # A grid is tried whole: one parameter of the strategy and an overlay are enough.
    narrowed = row["narrowed"] or ("one" if row["sampler"] == SamplerKind.GRID else "")
    if narrowed:
        yield from (_fixed(parameter) for parameter in own[1 if narrowed == "one" else 0 :])
    names = {parameter.name for parameter in own}
    if row["timeframe"] == "1h":
        names.add(GATE)  # a label takes a year of bars
    yield from (word for word in row["overlays"].split() if word.partition("=")[0] not in names)


def _fixed(parameter: Parameter) -> str:
    default = parameter.default
    return f"{parameter.name}={default if isinstance(default, str) else tidy(default)}"
