"""Request models: the body of a start.

Types are checked strictly: nothing is converted, nothing unknown is accepted. Values are checked where they are read
(`request_parsing.py`), with the same sentences as in Slack; the bounds in the schema are the same.
Fractions are fractions.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from bot.grammar.commands import Mode
from bot.grammar.start_builder import MAX_SYMBOLS
from optimizer.domain.metrics import CAPS, GOALS
from optimizer.domain.study_request import MAX_TRIALS, Reentry, SamplerKind
from optimizer.domain.timeframes import EXAMPLES
from optimizer.strategies.registry import OVERLAYS, STRATEGIES

#: Numbers of JSON, which has no NaN and no infinity.
Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
MAX_HOLDOUT = 0.5
MAX_NAME, MAX_NOTES = 60, 300


def _bounds(low: float | None = None, high: float | None = None, **more: Any) -> dict[str, Any]:
    """Return the schema's bounds; the grammar's readers enforce them, with their own sentences."""
    return {k: v for k, v in {"minimum": low, "maximum": high, **more}.items() if v is not None}


_SYMBOL = r"[A-Za-z0-9]([A-Za-z0-9.^=-]{0,18}[A-Za-z0-9])?"
#: Schema of symbols and strategies, wherever they are named.
SYMBOL_SHAPE: dict[str, Any] = {"pattern": rf"^{_SYMBOL}$"}
#: Complete, since a person's own strategies are loaded before a server is.
STRATEGY_WORDS: dict[str, Any] = {"enum": [word for s in STRATEGIES.values() for word in (s.key, *s.aliases)]}
_SYMBOL_OR_LIST: dict[str, Any] = {"pattern": rf"^(@[A-Za-z0-9][A-Za-z0-9_-]{{0,29}}|{_SYMBOL})$"}
_GOAL = "|".join(GOALS)
_CAP = {"pattern": rf"^({'|'.join(CAPS)})[<>]-?[0-9]{{1,6}}(\.[0-9]{{1,6}})?%?$"}
_PARAMETERS = sorted({name for s in STRATEGIES.values() for name in s.parameter_names} | set(OVERLAYS))
_PARAMETER_NAMES: dict[str, Any] = {"propertyNames": {"enum": _PARAMETERS}}
_DAY: dict[str, Any] = {"format": "date", "examples": ["2005-01-03"]}


class RequestPart(BaseModel):
    """Part of a request: no unknown fields, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchRange(RequestPart):
    """Values of one parameter that are searched: a range, one value, or some of its choices."""

    low: Number | None = Field(default=None, description="Smallest value; the strategy's own when left out.")
    high: Number | None = Field(default=None, description="Largest value; the strategy's own when left out.")
    step: Number | None = Field(
        default=None, description="Step between two values.", json_schema_extra={"exclusiveMinimum": 0}
    )
    value: Number | StrictStr | None = Field(default=None, description="Fixed value; excludes the other fields.")
    choices: tuple[StrictStr, ...] | None = Field(
        default=None,
        max_length=10,
        description="Allowed words of a parameter that is one of a few; excludes the other fields.",
    )


class SearchWindow(RequestPart):
    """Bars that are searched. Without a first day the window is `years` long, back from its last day."""

    start: StrictStr | None = Field(default=None, description="First day.", json_schema_extra=_DAY)
    end: StrictStr | None = Field(
        default=None, description="Last day; the last available bar when left out.", json_schema_extra=_DAY
    )
    years: StrictInt | None = Field(
        default=None,
        description="Length; 10 when neither this nor `start` is given.",
        json_schema_extra=_bounds(2, 100),
    )
    holdout: Number | None = Field(
        default=None,
        description="Fraction of the window that the search never sees; 0.15 when left out.",
        json_schema_extra=_bounds(0, 0.5),
    )
    folds: StrictInt | None = Field(
        default=None, description="Walk-forward steps; 4 when left out.", json_schema_extra=_bounds(0, 12)
    )


class TradingCosts(RequestPart):
    """Costs of each side of a trade, in basis points of its value."""

    commission_bps: Number | None = Field(
        default=None, description="10 when left out.", json_schema_extra=_bounds(0, 1000)
    )
    slippage_bps: Number | None = Field(
        default=None, description="5 when left out.", json_schema_extra=_bounds(0, 1000)
    )
    tax_bps: Number | None = Field(
        default=None, description="On sales alone; 0 when left out.", json_schema_extra=_bounds(0, 1000)
    )
    borrow: Number | None = Field(
        default=None, description="Fraction a year of the worth of shares sold short.", json_schema_extra=_bounds(0, 10)
    )
    per_share: Number | None = Field(
        default=None, description="Money per share; needs `account.capital`.", json_schema_extra=_bounds(0, 1000)
    )
    least_fee: Number | None = Field(
        default=None, description="Money per order; needs `account.capital`.", json_schema_extra=_bounds(0, 100_000)
    )


class TradingAccount(RequestPart):
    """Size of the account, and what its cash earns."""

    capital: Number | None = Field(default=None, description="Money at the start.", json_schema_extra=_bounds(1, 1e15))
    whole_shares: StrictBool = Field(default=False, description="Shares are not split; needs `capital`.")
    interest: Number | None = Field(
        default=None, description="Fraction a year that cash earns.", json_schema_extra=_bounds(-0.5, 10)
    )
    interest_symbol: StrictStr | None = Field(
        default=None, description="Symbol whose closes are the percent a year that cash earns, such as `^IRX`."
    )


class OptimizationRequest(RequestPart):
    """Study to start, or one study for each of several symbols."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "allOf": [
                {"oneOf": [{"required": ["symbol"]}, {"required": ["symbols"]}]},
                {"oneOf": [{"required": ["strategy"]}, {"required": ["rule"]}]},
            ],
            "examples": [
                {"symbol": "AAPL", "strategy": "rsi", "n_trials": 200},
                {
                    "symbols": ["AAPL", "MSFT"],
                    "strategy": "sma",
                    "n_trials": 300,
                    "search_space": {"fast": {"low": 5, "high": 20}, "slow": {"value": 100}},
                    "goal": "sharpe,maxdd",
                    "caps": ["maxdd<20", "trades>30"],
                    "overlays": ["stop"],
                    "window": {"years": 5, "holdout": 0.2},
                    "costs": {"commission_bps": 5, "slippage_bps": 2},
                    "sampler": "tpe",
                    "seed": 7,
                    "notes": "after the split",
                },
            ],
        },
    )

    symbol: StrictStr | None = Field(
        default=None,
        description="Instrument, such as `AAPL` or `005930.KS`, or a watch list (`@tech`).",
        examples=["AAPL"],
        json_schema_extra=_SYMBOL_OR_LIST,
    )
    symbols: tuple[Annotated[StrictStr, Field(json_schema_extra=_SYMBOL_OR_LIST)], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SYMBOLS,
        description="Instead of `symbol`: one study for each.",
        json_schema_extra={"uniqueItems": True},
    )
    strategy: StrictStr | None = Field(
        default=None,
        description="A strategy's key or alias; `GET /strategies` lists them. Left out where there is a `rule`.",
        examples=["rsi"],
        json_schema_extra=STRATEGY_WORDS,
    )
    rule: StrictStr | None = Field(
        default=None,
        description="Instead of `strategy`: a rule in words, or the name of a saved one.",
        examples=["buy when rsi < 30 and close > sma(200); sell when rsi > 55", "dip", "dip@1"],
        max_length=2_000,
    )
    confirmed: StrictStr | None = Field(
        default=None,
        description="Digest of the rule as it was understood: a request without it is refused, and names it.",
        examples=["3f9a1c0b7d2e"],
    )
    search_space: Mapping[str, SearchRange] = Field(
        default_factory=dict,
        max_length=20,
        description="Parameters with another range than declared; `GET /strategies` lists the bounds.",
        json_schema_extra=_PARAMETER_NAMES,
    )
    n_trials: StrictInt = Field(
        default=200, description="Parameter sets to try.", json_schema_extra=_bounds(1, MAX_TRIALS)
    )
    goal: StrictStr = Field(
        default="sharpe",
        description="Measures to maximize: " + ", ".join(GOALS) + ". Two with a comma between them give a Pareto set.",
        json_schema_extra={"pattern": f"^({_GOAL})(,({_GOAL}))?$", "examples": ["sharpe", "sharpe,maxdd"]},
    )
    caps: tuple[Annotated[StrictStr, Field(json_schema_extra=_CAP)], ...] = Field(
        default=(),
        max_length=10,
        description="Hard limits on measures, as in a command; fractions in percent.",
        examples=[["maxdd<20", "trades>30"]],
    )
    overlays: tuple[Annotated[StrictStr, Field(json_schema_extra={"enum": list(OVERLAYS)})], ...] = Field(
        default=(), max_length=10, description="Further dimensions.", json_schema_extra={"uniqueItems": True}
    )
    window: SearchWindow = SearchWindow()
    costs: TradingCosts = TradingCosts()
    account: TradingAccount = TradingAccount()
    benchmark: StrictStr | None = Field(
        default=None,
        description="Compared with besides buy and hold: a symbol, several with percentages, or `cash`.",
        examples=["SPY", "SPY:60,AGG:40", "cash"],
    )
    allow_short: StrictBool = Field(default=False, description="Allow short positions.")
    reenter: StrictStr = Field(
        default="fresh",
        description="What opens a side again after an overlay closed it: a `fresh` signal, or the `signal` that holds.",
        json_schema_extra={"enum": [*Reentry]},
    )
    by_regime: tuple[StrictStr, ...] = Field(
        default=(),
        max_length=2,
        description="Parameters and orders that get a second value for stress, a bearish or volatile market.",
        examples=[["oversold", "stop"]],
    )
    min_trades: StrictInt = Field(
        default=3, description="Fewest closed trades of a set that counts.", json_schema_extra=_bounds(0, 10_000)
    )
    sampler: StrictStr = Field(
        default="tpe", description="Sampler that proposes the next set.", json_schema_extra={"enum": [*SamplerKind]}
    )
    seed: StrictInt = Field(
        default=7, description="The same seed gives the same trials.", json_schema_extra=_bounds(0, 2**31 - 1)
    )
    mode: StrictStr = Field(
        default="each",
        description="Of several symbols: a study `each`, or one `shared` parameter set.",
        json_schema_extra={"enum": [*Mode]},
    )
    source: StrictStr | None = Field(
        default=None, description="Source of the bars; by default the first configured source that has the symbol."
    )
    timeframe: StrictStr = Field(
        default="1d",
        description="Length of a bar: a number with `m` or `h`, or `1d`, `1w`, `1mo`.",
        json_schema_extra={"examples": list(EXAMPLES)},
    )
    force: StrictBool = Field(default=False, description="Run in spite of a critical data problem.")
    name: StrictStr = Field(default="", description="A name of your own.", json_schema_extra={"maxLength": MAX_NAME})
    notes: StrictStr = Field(
        default="", description="A remark stored with the study.", json_schema_extra={"maxLength": MAX_NOTES}
    )
    slack_channel: StrictStr | None = Field(
        default=None,
        pattern=r"^[CG][A-Z0-9]{2,20}$",
        description="Id of a Slack channel the bot is in: the study is posted there, as if it had been started there.",
        examples=["C0123456789"],
    )
    quiet: StrictBool = Field(default=False, description="Post only the result in Slack, no progress.")
