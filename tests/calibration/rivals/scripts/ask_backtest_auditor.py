"""Statistical review of the winner's returns."""

import numpy as np
import pandas as pd
from nba_auditor.returns_audit import audit_returns


def verdict(study) -> str:
    days = pd.DatetimeIndex(study["time"])
    return audit_returns(
        pd.Series(study["returns"], index=days),
        freq=float(study["periods_per_year"]),
        turnover=pd.Series(np.abs(np.diff(study["position"], prepend=0.0)), index=days),
        benchmark=pd.Series(study["market"], index=days),
        n_trials=int(study["n_tries"]),
        returns_are_net=True,
    ).verdict
