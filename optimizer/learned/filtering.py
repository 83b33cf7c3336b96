"""Hidden Markov model with Student-t emissions: the forward filter and expectation maximization, compiled.

States are few, so every loop over them is plain. The density of Student's t with five degrees of freedom is a cube:
c / s · (1 + z² / 5)⁻³ with z = (x − m) / s, which takes neither a logarithm nor a gamma function.

The filter is that of Hamilton (1989), scaled as by Rabiner (1989); the weights of a t in expectation maximization are
those of Peel and McLachlan (2000).
"""

import math

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray

#: Degrees of freedom of the emissions.
FREEDOM = 5.0
#: Γ(3) / (Γ(5/2) √(5π)), the density's constant.
_CONSTANT = 8.0 / (3.0 * math.sqrt(5.0) * math.pi)
#: Variance of a t of scale one.
VARIANCE = FREEDOM / (FREEDOM - 2.0)
#: Number of states. The compiler knows it, so that it works on all four at once: twice as fast as on any number.
_N_STATES = 4
#: A density below this counts as this, so that a bar that no state explains leaves the probabilities as they were.
_LEAST = 1e-12


@compiled
def _densities(x: float, means: FloatArray, scales: FloatArray, heights: FloatArray, out: FloatArray) -> None:
    for k in range(_N_STATES):
        z = (x - means[k]) / scales[k]
        inner = 1.0 + z * z / FREEDOM
        out[k] = heights[k] / (inner * inner * inner) + _LEAST


@compiled
def forward(
    returns: FloatArray,
    is_cut: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    transitions: FloatArray,
    start: FloatArray,
    first: int,
    last: int,
    out: FloatArray,
) -> float:
    """Write filtered probabilities of rows [first, last) into `out`, (last − first, n_states); returns Σ log density.

    `start` are the probabilities of the states at row `first` before its return is seen, and again at each row where
    `is_cut` is not 0. A return that is NaN tells nothing. `transitions` has a row for each state that is left.
    """
    n_states = _N_STATES
    before, density, heights = start.copy(), np.empty(n_states), _CONSTANT / scales
    total, product = 0.0, 1.0
    for t in range(first, last):
        if is_cut[t] != 0.0:
            before[:] = start
        x = returns[t]
        if math.isnan(x):
            density[:] = 1.0
        else:
            _densities(x, means, scales, heights, density)
        mass = 0.0
        for k in range(n_states):
            density[k] *= before[k]
            mass += density[k]
        row = out[t - first]
        for k in range(n_states):
            row[k] = density[k] / mass
        if not math.isnan(x):
            # A logarithm costs more than all the rest of a bar: many densities are multiplied first.
            product *= mass
            if product < 1e-200 or product > 1e200:
                total += math.log(product)
                product = 1.0
        for k in range(n_states):
            ahead = 0.0
            for j in range(n_states):
                ahead += row[j] * transitions[j, k]
            before[k] = ahead
    return total + math.log(product)


@compiled
def _backward(
    returns: FloatArray,
    is_cut: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    transitions: FloatArray,
    first: int,
    filtered: FloatArray,
    smoothed: FloatArray,
    moves: FloatArray,
) -> None:
    """Write smoothed probabilities, and add the expected moves between states to `moves`, (n_states, n_states)."""
    n, n_states = len(filtered), _N_STATES
    ahead, weight = np.empty(n_states), np.empty(n_states)
    smoothed[n - 1] = filtered[n - 1]
    for i in range(n - 2, -1, -1):
        t = first + i + 1
        if is_cut[t] != 0.0:
            smoothed[i] = filtered[i]
            continue
        for k in range(n_states):
            ahead[k] = 0.0
            for j in range(n_states):
                ahead[k] += filtered[i, j] * transitions[j, k]
        for k in range(n_states):
            weight[k] = smoothed[i + 1, k] / ahead[k]
        for j in range(n_states):
            total = 0.0
            for k in range(n_states):
                move = filtered[i, j] * transitions[j, k] * weight[k]
                moves[j, k] += move
                total += move
            smoothed[i, j] = total


@compiled
def _sums(
    returns: FloatArray, first: int, means: FloatArray, scales: FloatArray, smoothed: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return for each state its bars, and weights, weighted returns and squares; far returns weigh less in a t."""
    n, n_states = len(smoothed), _N_STATES
    counts, weights, sums, squares = np.zeros(n_states), np.zeros(n_states), np.zeros(n_states), np.zeros(n_states)
    for i in range(n):
        x = returns[first + i]
        if math.isnan(x):
            continue
        for k in range(n_states):
            z = (x - means[k]) / scales[k]
            u = smoothed[i, k] * (FREEDOM + 1.0) / (FREEDOM + z * z)
            counts[k] += smoothed[i, k]
            weights[k] += u
            sums[k] += u * x
            squares[k] += u * x * x
    return counts, weights, sums, squares


@compiled
def improve(
    returns: FloatArray,
    is_cut: FloatArray,
    means: FloatArray,
    scales: FloatArray,
    transitions: FloatArray,
    start: FloatArray,
    first: int,
    last: int,
    prior_means: FloatArray,
    prior_scales: FloatArray,
    prior_transitions: FloatArray,
    low: FloatArray,
    high: FloatArray,
    pseudo: FloatArray,
) -> float:
    """Take one step of penalised expectation maximization over rows [first, last), in place.

    `pseudo` are the numbers of observations that the priors of means, scales and transitions count as; means stay
    between `low` and `high`. Returns the sum of log densities under the parameters as they were: with `penalty` it
    never falls from one step to the next.
    """
    n, n_states = last - first, _N_STATES
    filtered, smoothed = np.empty((n, n_states)), np.empty((n, n_states))
    total = forward(returns, is_cut, means, scales, transitions, start, first, last, filtered)
    moves = np.zeros((n_states, n_states))
    _backward(returns, is_cut, means, scales, transitions, first, filtered, smoothed, moves)
    counts, weights, sums, squares = _sums(returns, first, means, scales, smoothed)
    for k in range(n_states):
        mean = (sums[k] + pseudo[0] * prior_means[k]) / (weights[k] + pseudo[0])
        mean = min(max(mean, low[k]), high[k])
        around = squares[k] - 2.0 * mean * sums[k] + mean * mean * weights[k]
        around += pseudo[0] * (mean - prior_means[k]) ** 2 + pseudo[1] * prior_scales[k] ** 2
        means[k], scales[k] = mean, math.sqrt(around / (counts[k] + pseudo[1]))
        row = 0.0
        for j in range(n_states):
            moves[k, j] += pseudo[2] * prior_transitions[k, j]
            row += moves[k, j]
        for j in range(n_states):
            transitions[k, j] = moves[k, j] / row
    return total


@compiled
def penalty(
    means: FloatArray,
    scales: FloatArray,
    transitions: FloatArray,
    prior_means: FloatArray,
    prior_scales: FloatArray,
    prior_transitions: FloatArray,
    pseudo: FloatArray,
) -> float:
    """Logarithm of the priors that `improve` respects, but for a constant."""
    total = 0.0
    for k in range(len(means)):
        square = scales[k] ** 2
        total -= 0.5 * pseudo[0] * (means[k] - prior_means[k]) ** 2 / square
        total -= 0.5 * pseudo[1] * (math.log(square) + prior_scales[k] ** 2 / square)
        for j in range(len(means)):
            total += pseudo[2] * prior_transitions[k, j] * math.log(transitions[k, j])
    return total
