"""Romano–Wolf over every set that was tried."""

import numpy as np
from tokio_ai import check_backtest, family

#: A quarter of its own: the error of a p of 0.05 is 0.003 then, and a study takes a second instead of three.
family.DRAWS = 5_000


def is_significant(study) -> str:
    """The test as it is published: is any set's mean return above zero?"""
    return _word(study["tries"].astype(float), study)


def alpha_is_significant(study) -> str:
    """The same with the market regressed out of every set's returns."""
    tries, market = study["tries"].astype(float), study["market"]
    centred = market - market.mean()
    betas = tries @ centred / (centred @ centred)
    return _word(tries - np.outer(betas, market), study)


def _word(tries, study) -> str:
    named = {f"{number}": returns for number, returns in enumerate(tries)}
    found = check_backtest(named, trials=int(study["n_tries"]), periods_per_year=float(study["periods_per_year"]))
    return "significant" if found.significant else "not significant"
