"""The same bars in another order, for policies that have nothing to learn.

Where returns know nothing of those before them every order is as likely as the true one, so that a vote of policies
over the true order is one among equals. Everything else stays what it was: how policies of successive searches resemble
each other, how much they trade, and what holding earns.
"""

from dataclasses import replace

import numpy as np

from optimizer.domain.bars import Bars


def shuffled_bars(bars: Bars, start: int, seed: int) -> Bars:
    """Bars in another order: those before row `start` among themselves, and those from it on. Times stay in theirs.

    Each bar keeps its open, high, low and close relative to the close before it; the first one stays where it is.
    Bars move one by one: in blocks, what is to be learned of the last days would move along.
    """
    rng, middle = np.random.default_rng(seed), max(min(start, len(bars)), 1)
    before = np.concatenate([bars.close[:1], bars.close[:-1]])
    order = np.concatenate([[0], rng.permutation(np.arange(1, middle)), rng.permutation(np.arange(middle, len(bars)))])
    close = np.cumprod(np.concatenate([bars.close[:1], (bars.close / before)[order[1:]]]))
    base = np.concatenate([bars.close[:1], close[:-1]])
    others = {name: base * (getattr(bars, name) / before)[order] for name in ("open", "high", "low")}
    return replace(bars, **others, close=close, volume=bars.volume[order])
