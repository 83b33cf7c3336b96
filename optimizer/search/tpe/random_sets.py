"""Compiled random sets, a hash table of the sets already tried, and Sobol points.

All functions work on a grid of `counts[d]` values per dimension and identify a set by its indices.
A set is stored as a 64-bit hash of its indices; two sets out of ten thousand collide with a
probability of 1e-12, and then one of them merely counts as tried.

The generator is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
generators"); a state is one uint64 in an array, so that compiled code can advance it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled

UintArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]


class Grid(NamedTuple):
    """Grid of sets, for compiled code.

    `counts[d]`: values of dimension d. `pair`: the lesser and the greater dimension of the order, or
    (-1, -1). `bounds[i]`: the least index of the greater allowed with index i of the lesser.
    """

    counts: IntArray
    pair: IntArray
    bounds: IntArray


class Sobol(NamedTuple):
    """Direction numbers, (dimensions, 32), and a random digital shift, (dimensions,)."""

    directions: UintArray
    shift: UintArray


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_TWO_POW_MINUS_53 = 2.0**-53
#: Uniform draws before the whole grid is enumerated for an unseen set.
_BLIND_DRAWS = 64
#: A grid larger than this is never enumerated: nearly all of it is unseen then.
_MAX_WALK = 4_000_000


@compiled
def mix(z: np.uint64) -> np.uint64:
    """Spread the bits of a number over 64 bits (the finalizer of SplitMix64)."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return np.uint64(z ^ (z >> np.uint64(31)))


@compiled
def seed_state(state: UintArray, seed: int, n_finished: int, attempt: int) -> None:
    """Seed `state` (one uint64) with the three numbers that determine a proposal."""
    z = mix(np.uint64(seed) + _GOLDEN)
    z = mix(z + np.uint64(n_finished) * _GOLDEN)
    state[0] = mix(z ^ (np.uint64(attempt) * _MIX_B))


@compiled
def uniform(state: UintArray) -> float:
    """Draw a uniform number in [0, 1)."""
    state[0] += _GOLDEN
    return float(mix(state[0]) >> np.uint64(11)) * _TWO_POW_MINUS_53


@compiled
def normal(state: UintArray) -> float:
    """Draw a standard normal number (Box and Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))


@compiled
def key_of(row: IntArray) -> np.uint64:
    """Hash of a set's indices; never 0, which marks an empty slot."""
    key = _GOLDEN
    for d in range(len(row)):
        key = mix(key ^ np.uint64(row[d] + 1)) + _GOLDEN
    return key if key != np.uint64(0) else _GOLDEN


@compiled
def _slot(table: UintArray, key: np.uint64) -> np.uint64:
    mask = np.uint64(len(table) - 1)
    at = np.uint64(key) & mask
    while table[at] != np.uint64(0) and table[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def key_at(rows: IntArray, at: int) -> np.uint64:
    """`key_of` of one of several sets, without a view of it."""
    key = _GOLDEN
    for d in range(rows.shape[1]):
        key = mix(key ^ np.uint64(rows[at, d] + 1)) + _GOLDEN
    return key if key != np.uint64(0) else _GOLDEN


@compiled
def has_key(table: UintArray, key: np.uint64) -> bool:
    """True if the set with a hash is in a hash table (length a power of two, 0 where empty)."""
    return bool(table[_slot(table, key)] != np.uint64(0))


@compiled
def has(table: UintArray, row: IntArray) -> bool:
    """True if a set is in a hash table."""
    return has_key(table, key_of(row))


@compiled
def add(table: UintArray, row: IntArray) -> bool:
    """Add a set; returns whether it is new. The caller keeps the table at most half full."""
    return add_key(table, key_of(row))


@compiled
def add_key(table: UintArray, key: np.uint64) -> bool:
    """Add the set with a hash; see `add`."""
    at = _slot(table, key)
    if table[at] != np.uint64(0):
        return False
    table[at] = key
    return True


@compiled
def grown(table: UintArray) -> UintArray:
    """Copy a hash table into one of twice the length."""
    larger = np.zeros(2 * len(table), np.uint64)
    for key in table:
        if key != np.uint64(0):
            larger[_slot(larger, key)] = key
    return larger


@compiled
def in_order(row: IntArray, grid: Grid) -> bool:
    """True if a set keeps the order."""
    lesser, greater = grid.pair
    return bool(lesser < 0 or row[greater] >= grid.bounds[row[lesser]])


@compiled
def draw_uniform(state: UintArray, grid: Grid, row: IntArray) -> None:
    """Fill `row` with a set drawn uniformly from those that keep the order (at least one must)."""
    while True:
        for d in range(len(row)):
            row[d] = int(uniform(state) * grid.counts[d])
        if in_order(row, grid):
            return


@compiled
def _advance(row: IntArray, counts: IntArray) -> bool:
    for d in range(len(counts) - 1, -1, -1):
        row[d] += 1
        if row[d] < counts[d]:
            return True
        row[d] = 0
    return False


@compiled
def _walk(grid: Grid, table: UintArray, row: IntArray, wanted: int) -> int:
    """Advance `row` to the unseen set number `wanted`, from 0; returns the number of unseen sets if there are fewer."""
    row[:] = 0
    n_met = 0
    while True:
        if in_order(row, grid) and not has(table, row):
            if n_met == wanted:
                return n_met
            n_met += 1
        if not _advance(row, grid.counts):
            return n_met


@compiled
def draw_unseen(state: UintArray, grid: Grid, table: UintArray, row: IntArray) -> bool:
    """Fill `row` with a set drawn uniformly from those not in `table`; False (and any set) when there is none."""
    for _ in range(_BLIND_DRAWS):
        draw_uniform(state, grid, row)
        if not has(table, row):
            return True
    size = 1.0
    for count in grid.counts:
        size *= count
    if size > _MAX_WALK:
        return False
    n_unseen = _walk(grid, table, row, -1)
    if n_unseen == 0:
        draw_uniform(state, grid, row)
        return False
    _walk(grid, table, row, int(uniform(state) * n_unseen))
    return True


#: Joe and Kuo 2008, "Constructing Sobol sequences with better two-dimensional projections" (new-joe-kuo-6):
#: primitive polynomials and initial direction numbers of the first dimensions after van der Corput's.
_POLYNOMIALS = (3, 7, 11, 13, 19, 25, 37, 41, 47, 55, 59, 61, 67, 91, 97, 103, 109, 115, 131, 137)
_INITIAL = (
    (1,),
    (1, 3),
    (1, 3, 1),
    (1, 1, 1),
    (1, 1, 3, 3),
    (1, 3, 5, 13),
    (1, 1, 5, 5, 17),
    (1, 1, 5, 5, 5),
    (1, 1, 7, 11, 19),
    (1, 1, 5, 1, 1),
    (1, 1, 1, 3, 11),
    (1, 3, 5, 5, 31),
    (1, 3, 3, 9, 7, 49),
    (1, 1, 1, 15, 21, 21),
    (1, 3, 1, 13, 27, 49),
    (1, 1, 1, 15, 7, 5),
    (1, 3, 1, 15, 13, 25),
    (1, 1, 5, 5, 19, 61),
    (1, 3, 7, 11, 23, 15, 103),
    (1, 3, 7, 13, 13, 15, 69),
)
MAX_SOBOL_DIMENSIONS = len(_POLYNOMIALS) + 1
_BITS = 32


def sobol_directions(n_dimensions: int) -> UintArray:
    """Direction numbers, (n_dimensions, 32), as 32-bit fractions."""
    if n_dimensions > MAX_SOBOL_DIMENSIONS:
        raise ValueError(f"at most {MAX_SOBOL_DIMENSIONS} dimensions, not {n_dimensions}")
    rows = [[1] * _BITS, *map(_direction_numbers, _POLYNOMIALS, _INITIAL)][:n_dimensions]
    scaled = [[number << (_BITS - 1 - bit) for bit, number in enumerate(row)] for row in rows]
    return np.array(scaled, dtype=np.uint64).reshape(n_dimensions, _BITS)


def _direction_numbers(polynomial: int, initial: tuple[int, ...]) -> list[int]:
    """Compute each direction number from the `degree` ones before it (Bratley and Fox 1988, algorithm 659)."""
    degree = polynomial.bit_length() - 1
    numbers = list(initial)
    for bit in range(degree, _BITS):
        number = numbers[bit - degree] ^ (numbers[bit - degree] << degree)
        for k in range(1, degree):
            if polynomial >> (degree - k) & 1:
                number ^= numbers[bit - k] << k
        numbers.append(number)
    return numbers


@compiled
def sobol_point(index: int, sobol: Sobol, counts: IntArray, row: IntArray) -> None:
    """Fill `row` with the cell of the grid that contains point `index` of the sequence."""
    gray = np.uint64(index) ^ (np.uint64(index) >> np.uint64(1))
    for d in range(len(row)):
        fraction = sobol.shift[d]
        for bit in range(_BITS):
            if (gray >> np.uint64(bit)) & np.uint64(1):
                fraction ^= sobol.directions[d, bit]
        row[d] = int(float(fraction) * 2.0**-32 * counts[d])


@compiled
def next_sobol(first: int, n_points: int, sobol: Sobol, grid: Grid, table: UintArray, row: IntArray) -> int:
    """Fill `row` with the first unseen set from point `first` on that keeps the order; returns its index, or -1."""
    for index in range(first, first + n_points):
        sobol_point(index, sobol, grid.counts, row)
        if in_order(row, grid) and not has(table, row):
            return index
    return -1
