"""Its own backtest of the winner's positions, with checks of costs, timing, luck and holdout."""

import numpy as np
import pandas as pd
from monte_neo.verify import model_from_costs, verify_strategy


def verdict(study) -> str:
    return report(study)["verdict"]


def report(study):
    """A signal at one bar's close is filled at the next open, there as here: positions are heard a bar earlier."""
    columns = dict(zip(("open", "high", "low", "close"), study["prices"], strict=True))
    position = study["position"]
    return verify_strategy(
        pd.DataFrame({"timestamp": pd.to_datetime(study["time"]), **columns}),
        signals=np.concatenate([position[1:], position[-1:]]),
        model=model_from_costs(
            commission_bps=float(study["commission"]),
            slippage_bps=float(study["slippage"]),
            side_mode="long_flat",
            warmup_bars=0,
            n_bars=len(position),
        ),
        n_trials=int(study["n_tries"]),
        periods_per_year=float(study["periods_per_year"]),
        holdout_fraction=int(study["n_held_out"]) / len(position),
    )
