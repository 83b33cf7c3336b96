"""What each target can express of a request; everything else is refused by name."""

from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType

from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from reports.exports.refusals import refuse


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


def require_expressible(study: str, spec: StudySpec, params: Params, target: str) -> None:
    """Raise NotExpressible for the first part of a study that a target cannot express exactly."""
    for part, reason in _outside(spec, params, target).items():
        raise refuse(target, part, reason, study=study)
    used = {part for part, is_used in _used(spec, params).items() if is_used}
    for part, (reason, nearest) in _LIMITS[target].items():
        if part in used:
            raise refuse(target, part, reason, Target.PYTHON if used & set(_LIMITS[nearest]) else nearest, study=study)


def _outside(spec: StudySpec, params: Params, target: str) -> dict[str, str]:
    """Parts, with the reason, for which there is no program but the trades alone."""
    yields, timeframe = spec.account.interest_symbol, spec.timeframe
    gate = params.get("regime", "any")
    return {
        **({"mode=shared": "chosen_for_several"} if spec.is_shared else {}),
        **({f"by_regime={','.join(spec.by_regime)}": "needs_regimes"} if spec.by_regime else {}),
        **({f"regime={gate}": "needs_regimes"} if gate != "any" else {}),
        **({f"rf={yields}": "bars_of_another_symbol"} if yields else {}),
        **(
            {f"timeframe={timeframe}": "no_such_timeframe"}
            if target == Target.FREQTRADE and timeframe not in _OF_FREQTRADE
            else {}
        ),
    }
