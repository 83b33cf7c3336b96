"""What a study is requested to do: one type from the parser to the database.

Everything here is a frozen value. Fractions are fractions (0.12 is 12 %).
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum, auto
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from optimizer.domain.space import Space

MAX_TRIALS = 10_000


class Frozen(BaseModel):
    """A value: compared by content, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def renamed(name: str, former: str) -> Any:
    """A field that studies stored by earlier versions hold under another name."""
    return Field(validation_alias=AliasChoices(name, former))


class Costs(Frozen):
    """Costs of each side of a trade, in basis points of its value."""

    commission_bps: float = Field(default=10.0, ge=0, le=1000)
    slippage_bps: float = Field(default=5.0, ge=0, le=1000)

    @property
    def per_side(self) -> float:
        """Commission and slippage together, as a fraction."""
        return (self.commission_bps + self.slippage_bps) / 10_000


class Cap(Frozen):
    """A hard constraint on a measure: `maxdd<20`, `trades>30`. Bounds on fractions are fractions."""

    goal: str  # a name that metrics.GOALS or metrics.CAPS knows
    is_upper: bool  # True for `<`
    bound: float


class SamplerKind(StrEnum):
    """Who proposes the next set."""

    TPE = auto()  # ours, compiled
    OPTUNA = auto()  # Optuna's own TPE
    RANDOM = auto()
    SOBOL = auto()
    GRID = auto()
    NSGA2 = auto()


class Narrowed(Frozen):
    """One parameter of the search space as a person changed it: a range, choices, or (both ends alike) a value."""

    name: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


class StudySpec(Frozen):
    """Everything that decides a study's result, together with the bars and the code version."""

    symbol: str
    partners: tuple[str, ...] = ()  # further symbols that share the set: each is scored on the median over all of them
    strategy_name: str
    n_trials: int = Field(default=200, ge=1, le=MAX_TRIALS)
    goals: tuple[str, ...] = ("sharpe",)
    caps: tuple[Cap, ...] = ()
    narrowed: tuple[Narrowed, ...] = ()
    overlays: tuple[str, ...] = ()  # names of the overlay dimensions that are on
    start: date | None = None  # None: `years` before the last bar, or what there is
    end: date | None = None
    years: int = Field(default=10, ge=2, le=100)  # length of the window when it has no `start`
    holdout: float = Field(default=0.15, ge=0, le=0.5)
    folds: int = Field(default=4, ge=0, le=12)
    costs: Costs = Costs()
    allow_short: bool = False
    min_trades: int = Field(default=3, ge=0)
    sampler: SamplerKind = SamplerKind.TPE
    seed: int = Field(default=7, ge=0, lt=2**31)
    source: str | None = None  # None: the first configured source that has the symbol
    timeframe: str = "1d"
    force: bool = False  # run in spite of a critical finding about the data

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that the parameter set is for."""
        return (self.symbol, *self.partners)

    @property
    def is_shared(self) -> bool:
        """Whether one parameter set is looked for several symbols."""
        return bool(self.partners)

    @property
    def label(self) -> str:
        """The symbols in one word: `AAPL`, or `AAPL,IBM,MSFT`."""
        return ",".join(self.symbols)

    def shared_with(self, symbols: Sequence[str]) -> "StudySpec":
        """The same request for one set for all of `symbols`, in alphabetical order, which makes it one study."""
        first, *others = sorted(symbols)
        return self.model_copy(update={"symbol": first, "partners": tuple(others)})

    def for_symbol(self, symbol: str) -> "StudySpec":
        """The same request for one symbol alone."""
        return self.model_copy(update={"symbol": symbol, "partners": ()})


def budget(spec: StudySpec, space: Space) -> int:
    """How many unique sets the study will try."""
    return space.size if spec.sampler is SamplerKind.GRID else min(spec.n_trials, space.size)


def is_exhaustive(spec: StudySpec, space: Space) -> bool:
    """Whether every set of the space is tried."""
    return space.size <= budget(spec, space)
