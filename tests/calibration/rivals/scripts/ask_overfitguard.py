"""Deflated Sharpe ratio and a sealed holdout."""

from overfitguard import validate


def verdict(study) -> str:
    returns = study["returns"]
    return validate(
        returns,
        n_trials=int(study["n_tries"]),
        holdout_frac=int(study["n_held_out"]) / len(returns),
        benchmark=study["market"],
        periods_per_year=round(float(study["periods_per_year"])),
    ).verdict
