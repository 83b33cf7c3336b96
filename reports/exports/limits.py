"""What each target can express of a request; everything else is refused by name."""

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from types import MappingProxyType

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from reports.exports.refusals import NotExpressible, refuse


class Target(StrEnum):
    """System that a program is for."""

    PYTHON = auto()
    BACKTESTING = auto()
    VECTORBT = auto()
    FREQTRADE = auto()
    PINE = auto()


#: Lengths of a bar that freqtrade knows.
_OF_FREQTRADE = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w", "1mo")

#: Part as it is typed → why, and what works instead.
_Limits = Mapping[str, tuple[str, str]]
_MONEY = ("no_such_fees", Target.PYTHON)
_SIGNALS_ONLY = ("signals_only", Target.PYTHON)
_NO_STOPS = ("stops_later", Target.PYTHON)
_LIMITS: Mapping[str, _Limits] = MappingProxyType(
    {
        Target.PYTHON: {},
        Target.BACKTESTING: {
            "take": ("targets_improve", Target.VECTORBT),
            **dict.fromkeys(("rf", "borrow", "per_share", "min_fee", "whole"), _MONEY),
        },
        Target.VECTORBT: dict.fromkeys(("rf", "borrow", "per_share", "min_fee", "whole"), _MONEY),
        Target.FREQTRADE: dict.fromkeys(("stop", "take", "trail", "max_hold", "voltarget"), _SIGNALS_ONLY),
        Target.PINE: {
            **dict.fromkeys(("stop", "take", "trail"), _NO_STOPS),
            "voltarget": ("sized_at_the_close", Target.PYTHON),
            **dict.fromkeys(("tax", "rf", "borrow", "per_share", "min_fee", "whole"), _MONEY),
        },
    }
)


def _used(spec: StudySpec, params: Params) -> Mapping[str, object]:
    """Parts of a request that some target lacks, by the word that asks for them."""
    return {
        **{name: params.get(name) for name in ("stop", "take", "trail", "max_hold", "voltarget")},
        "tax": spec.costs.tax_bps,
        "borrow": spec.costs.borrow,
        "per_share": spec.costs.per_share,
        "min_fee": spec.costs.least_fee,
        "rf": spec.account.interest,
        "whole": spec.account.is_whole,
    }


def require_expressible(spec: StudySpec, params: Params, target: str) -> None:
    """Raise NotExpressible for the first part of a request that a target cannot express exactly."""
    for check in _CHECKS:
        if (refusal := check(spec, target)) is not None:
            raise refusal
    for part, is_used in _used(spec, params).items():
        if is_used and part in _LIMITS[target]:
            raise refuse(target, part, *_LIMITS[target][part])


def _shared(spec: StudySpec, target: str) -> NotExpressible | None:
    return refuse(target, "mode=shared", "several_symbols", "trades") if spec.is_shared else None


def _yields(spec: StudySpec, target: str) -> NotExpressible | None:
    symbol = spec.account.interest_symbol
    return refuse(target, f"rf={symbol}", "bars_of_another_symbol", "trades") if symbol else None


def _timeframe(spec: StudySpec, target: str) -> NotExpressible | None:
    is_unknown = target == Target.FREQTRADE and spec.timeframe not in _OF_FREQTRADE
    return refuse(target, f"timeframe={spec.timeframe}", "no_such_timeframe", Target.PYTHON) if is_unknown else None


_CHECKS: tuple[Callable[[StudySpec, str], NotExpressible | None], ...] = (_shared, _yields, _timeframe)
