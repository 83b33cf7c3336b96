"""Request for a study: one type from the parser to the database.

All types are frozen. Fractions are fractions (0.12 is 12 %).
"""

import math
from collections.abc import Sequence
from datetime import date
from enum import StrEnum, auto
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from optimizer.domain.space import Space
from optimizer.errors import GridTooLarge

MAX_TRIALS = 10_000


class Frozen(BaseModel):
    """Immutable model, compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def renamed(name: str, former: str) -> Any:
    """Declare a field that studies stored by earlier versions have under another name."""
    return Field(validation_alias=AliasChoices(name, former))


class Costs(Frozen):
    """Costs per side of a trade, in basis points of its value; the tax is on sales alone, short ones too.

    The fee on borrowed shares is a fraction of their worth a year. The fee per share and the least fee of an order are
    money of the account, whose size they need.
    """

    commission_bps: float = Field(default=10.0, ge=0, le=1000)
    slippage_bps: float = Field(default=5.0, ge=0, le=1000)
    tax_bps: float = Field(default=0.0, ge=0, le=1000)
    borrow: float = Field(default=0.0, ge=0, le=10)
    per_share: float = Field(default=0.0, ge=0, le=1000)
    least_fee: float = Field(default=0.0, ge=0, le=100_000)

    @property
    def per_side(self) -> float:
        """What a side costs on average, as a fraction: each second side is a sale; without fees that are money."""
        return (self.commission_bps + self.slippage_bps + self.tax_bps / 2) / 10_000

    @property
    def are_none(self) -> bool:
        """True if trading is free."""
        return not any((self.per_side, self.per_share, self.least_fee))

    def scaled(self, factor: float) -> "Costs":
        """Every cost times a factor."""
        return self.model_copy(update={name: getattr(self, name) * factor for name in Costs.model_fields})

    @model_serializer(mode="wrap")
    def _without_later_ones(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a 0 of later fields: the digest of a search without them stays what it was before them."""
        fields: dict[str, Any] = plain(self)
        return {name: value for name, value in fields.items() if value or name in ("commission_bps", "slippage_bps")}


def cost_factors(costs: Costs) -> tuple[float, float, float]:
    """Factors on the price of a share: paid by a buy, received by a sale, and equity used by a short sale."""
    commission, slippage = costs.commission_bps / 10_000, costs.slippage_bps / 10_000
    of_sale = commission + costs.tax_bps / 10_000
    return (
        (1.0 + slippage) * (1.0 + commission),
        (1.0 - slippage) * (1.0 - of_sale),
        (1.0 - slippage) * (1.0 + of_sale),
    )


class Account(Frozen):
    """Size of the account, and what its cash earns: a fixed rate a year, or the yield that a stored symbol gives.

    Without a capital the account has no size: orders of any part of a share, and no fees in money.
    """

    capital: float | None = Field(default=None, gt=0, le=1e15)
    is_whole: bool = False  # shares are not split
    interest: float = Field(default=0.0, ge=-0.5, le=10)  # fraction a year
    interest_symbol: str | None = None  # its closes are percent a year


class BenchmarkPart(Frozen):
    """A symbol and its share of a benchmark; what the shares leave is in cash."""

    symbol: str
    weight: float = Field(gt=0, le=1)


def share_of_cash(parts: Sequence[BenchmarkPart]) -> float:
    """Share of a benchmark that is in cash: 1 without a symbol."""
    return max(round(1.0 - math.fsum(part.weight for part in parts), 9), 0.0)


class Cap(Frozen):
    """Hard constraint on a measure: `maxdd<20`, `trades>30`. Bounds on fractions are fractions."""

    goal: str  # a key of metrics.GOALS or metrics.CAPS
    is_upper: bool  # True for `<`
    bound: float


class SamplerKind(StrEnum):
    """Sampler that proposes the next set."""

    TPE = auto()  # ours, compiled
    OPTUNA = auto()  # Optuna's own TPE
    RANDOM = auto()
    SOBOL = auto()
    GRID = auto()
    NSGA2 = auto()


class Reentry(StrEnum):
    """What opens a side again after a stop, target, trailing stop or `max_hold` closed it."""

    FRESH = auto()  # a signal that was off in between
    SIGNAL = auto()  # the signal, also one that has held all the time


class Narrowed(Frozen):
    """Typed change of one parameter of the search space: a range, choices, or a value (both ends equal)."""

    name: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


class StudyRule(Frozen):
    """Rule in words that a study searches in the place of a strategy; the text is the canonical English one."""

    text: str
    symbols: tuple[str, ...] = ()  # other ones whose bars it reads
    name: str = ""  # of the saved rule that it was
    version: int = 0


class StudySpec(Frozen):
    """Specification of a study: with the bars and the code version it determines the result."""

    symbol: str
    partners: tuple[str, ...] = ()  # further symbols that share the set, which is scored by the median over all symbols
    strategy_name: str  # of a rule: its name, or `rule`
    rule: StudyRule | None = None
    n_trials: int = Field(default=200, ge=1, le=MAX_TRIALS)
    goals: tuple[str, ...] = ("sharpe",)
    caps: tuple[Cap, ...] = ()
    narrowed: tuple[Narrowed, ...] = ()
    overlays: tuple[str, ...] = ()  # names of the overlay dimensions that are on
    by_regime: tuple[str, ...] = ()  # parameters that have a second value for stress
    start: date | None = None  # None: `years` before the last bar, or what there is
    end: date | None = None
    years: int = Field(default=10, ge=2, le=100)  # length of the window when it has no `start`
    holdout: float = Field(default=0.15, ge=0, le=0.5)
    folds: int = Field(default=4, ge=0, le=12)
    costs: Costs = Costs()
    account: Account = Account()
    benchmark: tuple[BenchmarkPart, ...] | None = None  # beside buy and hold; no parts are cash
    allow_short: bool = False
    reenter: Reentry = Reentry.FRESH  # of the overlays that close a position
    min_trades: int = Field(default=3, ge=0)
    excludes_ruin: bool = True  # a set that loses the whole account is infeasible; early studies kept such sets
    counts_weekdays: bool = True  # a year of currencies has 260 days; of early studies 252
    counts_ahead: bool = False  # early studies counted the bars of a year, for `voltarget`, over later bars as well
    sampler: SamplerKind = SamplerKind.TPE
    seed: int = Field(default=7, ge=0, lt=2**31)
    source: str | None = None  # None: the first configured source that has the symbol
    timeframe: str = "1d"
    force: bool = False  # run in spite of a critical finding about the data

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols that the parameter set is for."""
        return (self.symbol, *self.partners)

    @property
    def is_shared(self) -> bool:
        """True if one parameter set is searched for several symbols."""
        return bool(self.partners)

    @property
    def label(self) -> str:
        """Symbols joined by commas: `AAPL`, or `AAPL,IBM,MSFT`."""
        return ",".join(self.symbols)

    @property
    def companions(self) -> tuple[str, ...]:
        """Other symbols whose bars are needed: the yield of cash, the parts of the benchmark, and those of a rule."""
        parts = (part.symbol for part in self.benchmark or ())
        named = (self.account.interest_symbol, *parts, *(self.rule.symbols if self.rule else ()))
        return tuple(dict.fromkeys(symbol for symbol in named if symbol))

    @property
    def reads_regimes(self) -> bool:
        """True if a word of the request needs the labels of regimes."""
        named = (*self.overlays, *(narrowed.name for narrowed in self.narrowed))
        return bool(self.by_regime) or "regime" in named

    def shared_with(self, symbols: Sequence[str]) -> "StudySpec":
        """Same request for one set shared by `symbols`, in alphabetical order so that equal requests are equal."""
        first, *others = sorted(symbols)
        return self.model_copy(update={"symbol": first, "partners": tuple(others)})

    def for_symbol(self, symbol: str) -> "StudySpec":
        """Same request for one symbol alone."""
        return self.model_copy(update={"symbol": symbol, "partners": ()})


def common_request(specs: Sequence[StudySpec]) -> StudySpec:
    """First of the requests of one command, without the days in which they differ."""
    fields = {name: StudySpec.model_fields[name].default for name in ("start", "end", "years")}
    differing = {name: plain for name, plain in fields.items() if len({getattr(spec, name) for spec in specs}) > 1}
    return specs[0].model_copy(update=differing)


#: Fields that nobody asks for, and those that a study is called by: the symbols and the strategy.
_UNSAID = frozenset({"symbol", "partners", "strategy_name", "excludes_ruin", "counts_ahead", "counts_weekdays"})


def differences(spec: StudySpec, also: Sequence[str] = ()) -> dict[str, Any]:
    """Fields in which a request differs from the plain one for its symbols and strategy, and the fields of `also`."""
    plain = StudySpec(symbol=spec.symbol, strategy_name=spec.strategy_name)
    fields = {name: getattr(spec, name) for name in StudySpec.model_fields if name not in _UNSAID}
    return {name: value for name, value in fields.items() if name in also or value != getattr(plain, name)}


def budget(spec: StudySpec, space: Space) -> int:
    """Number of unique sets that the study will try."""
    return space.size if spec.sampler is SamplerKind.GRID else min(spec.n_trials, space.size)


def require_affordable(spec: StudySpec, space: Space) -> None:
    """Raise GridTooLarge for a grid of more sets than any study may try: with several overlays it would never end."""
    if spec.sampler is SamplerKind.GRID and space.size > MAX_TRIALS:
        raise GridTooLarge(n_sets=f"{space.size:,}", most=f"{MAX_TRIALS:,}")


def is_exhaustive(spec: StudySpec, space: Space) -> bool:
    """True if every set of the space is tried."""
    return space.size <= budget(spec, space)
