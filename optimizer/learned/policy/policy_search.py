"""Search of a linear policy by the reward that it earns: the cross-entropy method, compiled.

A policy has nine weights: one per feature, a threshold, and how much the score may fall below 0 before it leaves:

    out → in where  w · x + threshold > 0
    in → out where  w · x + threshold + |patience| < 0

Its own position is part of its state, because costs make staying another thing than entering (Moody & Saffell 2001).
The reward of a policy over some rows is the mean of the annual Sharpe ratios of four equal blocks, less half their
standard deviation, less a price of large weights: what earns in one lucky month only does not win.

A population is drawn, the best are kept, the next one is drawn around them with noise that fades (Szita & Lőrincz
2006). All draws come in from outside, and no operation depends on the number of threads: same draws, same bits.

Arrays: `features` (7, n_bars); `outcomes` (n_bars, 4), what an account makes of the bar after each row, by column
2 · (is in at its close) + (wants to be in from the next open on); `weights` (9,).
"""

import math

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray

N_FEATURES = 7
THRESHOLD, PATIENCE = N_FEATURES, N_FEATURES + 1
N_WEIGHTS = N_FEATURES + 2
#: Columns of the outcomes.
OUT, ENTER, LEAVE, STAY = range(4)
#: Policies of a generation, those of them that the next one is drawn around, and generations.
POPULATION, ELITE, GENERATIONS = 64, 8, 30
#: Noise of the first generation; it fades to nothing.
NOISE = 0.3
N_BLOCKS = 4
_SPREAD, _RIDGE = 0.5, 0.02


@compiled
def fill_outcomes(
    opened: FloatArray, close: FloatArray, factors: FloatArray, side: int, borrow: FloatArray, out: FloatArray
) -> None:
    """Write what the bar after each row makes of an account, (n_bars, 4); of the last row nothing is known: 0.

    `factors` are those of a buy, a sale and a short sale, `side` is 1 or −1, `borrow` (n_bars,) the fee per bar on
    borrowed shares. A long position makes what the engine's does, to the rounding; a short one is taken to be worth the
    account at every close, while the engine keeps its shares.
    """
    buy, sell, short = factors[0], factors[1], factors[2]
    n = len(close)
    out[:] = 0.0
    for t in range(n - 1):
        if side > 0:
            out[t, ENTER] = close[t + 1] / (opened[t + 1] * buy) - 1.0
            out[t, STAY] = close[t + 1] / close[t] - 1.0
            out[t, LEAVE] = opened[t + 1] * sell / close[t] - 1.0
        else:
            fee = 1.0 + borrow[t + 1]
            out[t, ENTER] = (sell - close[t + 1] / opened[t + 1] * fee) / short
            out[t, STAY] = 1.0 - close[t + 1] / close[t] * fee
            out[t, LEAVE] = 1.0 - opened[t + 1] * buy / close[t]


@compiled
def score_of(weights: FloatArray, x: FloatArray) -> float:
    """Score of a policy for the features of one bar: it wants to be in above 0."""
    score: float = weights[THRESHOLD]
    for k in range(N_FEATURES):
        score += weights[k] * x[k]
    return score


@compiled
def follow(features: FloatArray, weights: FloatArray, is_in: bool, first: int, last: int, out: FloatArray) -> bool:
    """Write a policy's position, 1 or 0, as decided at the closes of rows [first, last); returns the last one."""
    patience = abs(weights[PATIENCE])
    for t in range(first, last):
        score = score_of(weights, features[:, t])
        is_in = score > 0.0 or (is_in and score + patience >= 0.0)
        out[t] = 1.0 if is_in else 0.0
    return is_in


@compiled
def reward(features: FloatArray, outcomes: FloatArray, weights: FloatArray, per_year: float) -> float:
    """Reward of a policy over all rows, out of the market at first."""
    worth = np.empty(1)
    fill_rewards(features, outcomes, weights.copy().reshape(N_WEIGHTS, 1), per_year, worth)
    found: float = worth[0]
    return found


@compiled
def fill_rewards(
    features: FloatArray, outcomes: FloatArray, weights: FloatArray, per_year: float, out: FloatArray
) -> None:
    """Write the rewards of many policies, `weights` (9, n_policies): side by side, so that they share instructions."""
    n, n_policies = features.shape[1], len(out)
    by_bar = features.T.copy()
    held, total, squares = np.zeros(n_policies), np.empty(n_policies), np.empty(n_policies)
    mean, mean_square = np.zeros(n_policies), np.zeros(n_policies)
    for block in range(N_BLOCKS):
        first, last = block * n // N_BLOCKS, (block + 1) * n // N_BLOCKS
        total[:] = 0.0
        squares[:] = 0.0
        _play(by_bar[first:last], outcomes[first:last], weights, held, total, squares)
        for i in range(n_policies):
            sharpe = _sharpe(total[i], squares[i], last - first) * math.sqrt(per_year)
            mean[i] += sharpe / N_BLOCKS
            mean_square[i] += sharpe * sharpe / N_BLOCKS
    for i in range(n_policies):
        size = 0.0
        for k in range(N_FEATURES):
            size += weights[k, i] * weights[k, i]
        spread = math.sqrt(max(mean_square[i] - mean[i] * mean[i], 0.0))
        out[i] = mean[i] - _SPREAD * spread - _RIDGE * size


@compiled
def _play(
    by_bar: FloatArray,
    outcomes: FloatArray,
    weights: FloatArray,
    held: FloatArray,
    total: FloatArray,
    squares: FloatArray,
) -> None:
    """Let every policy decide at each close, and add what it makes of the bar after it to the totals.

    The inner loop has no branches, so that it compiles to vector instructions: a position is 1.0 or 0.0, and products
    with it are exact.
    """
    w0, w1, w2, w3, w4, w5, w6 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5], weights[6]
    threshold, patience = weights[THRESHOLD], weights[PATIENCE]
    for t in range(len(by_bar)):
        x0, x1, x2, x3 = by_bar[t, 0], by_bar[t, 1], by_bar[t, 2], by_bar[t, 3]
        x4, x5, x6 = by_bar[t, 4], by_bar[t, 5], by_bar[t, 6]
        enter, leave, stay = outcomes[t, ENTER], outcomes[t, LEAVE], outcomes[t, STAY]
        for i in range(len(held)):
            score = threshold[i] + w0[i] * x0 + w1[i] * x1 + w2[i] * x2 + w3[i] * x3 + w4[i] * x4 + w5[i] * x5
            score += w6[i] * x6
            was_in = held[i]
            kept = was_in if score + abs(patience[i]) >= 0.0 else 0.0
            is_in = 1.0 if score > 0.0 else kept
            earned = is_in * (was_in * stay + (1.0 - was_in) * enter) + (1.0 - is_in) * was_in * leave
            total[i] += earned
            squares[i] += earned * earned
            held[i] = is_in


@compiled
def _sharpe(total: float, squares: float, n: int) -> float:
    """Sharpe ratio a bar; 0 where nothing moves."""
    mean = total / n
    variance = squares / n - mean * mean
    return mean / math.sqrt(variance) if variance > 1e-18 else 0.0


@compiled
def search(features: FloatArray, outcomes: FloatArray, draws: FloatArray, per_year: float, out: FloatArray) -> float:
    """Write the weights of the best policy for these rows into `out`, (9,); returns their reward.

    `draws` (generations, population, 9) are normal. Where not even the best is worth more than staying out, it is the
    policy that stays out, with a reward of 0.
    """
    n_generations, population = draws.shape[0], draws.shape[1]
    mean, spread = np.zeros(N_WEIGHTS), np.ones(N_WEIGHTS)
    drawn, worth = np.empty((N_WEIGHTS, population)), np.empty(population)
    for g in range(n_generations):
        for i in range(population):
            for k in range(N_WEIGHTS):
                drawn[k, i] = mean[k] + spread[k] * draws[g, i, k]
        fill_rewards(features, outcomes, drawn, per_year, worth)
        noise = NOISE * (1.0 - (g + 1.0) / n_generations)
        _settle(drawn, worth, noise, mean, spread)
    found: float = reward(features, outcomes, mean, per_year)
    if found <= 0.0:
        out[:] = 0.0
        return 0.0
    out[:] = mean
    return found


@compiled
def _settle(drawn: FloatArray, worth: FloatArray, noise: float, mean: FloatArray, spread: FloatArray) -> None:
    """Move mean and spread to those of the best; equal ones by their place."""
    mean[:] = 0.0
    spread[:] = 0.0
    for _ in range(ELITE):
        best = 0
        for i in range(1, len(worth)):
            if worth[i] > worth[best]:
                best = i
        worth[best] = -np.inf
        for k in range(N_WEIGHTS):
            mean[k] += drawn[k, best] / ELITE
            spread[k] += drawn[k, best] * drawn[k, best] / ELITE
    for k in range(N_WEIGHTS):
        spread[k] = math.sqrt(max(spread[k] - mean[k] * mean[k], 0.0)) + noise
