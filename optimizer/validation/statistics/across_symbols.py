"""One judgement of a strategy over all symbols of a request: does it beat chance on any of them?

Every symbol counts as a try. Holm's step-down procedure (Holm 1979, A simple sequentially rejective multiple test
procedure) bounds the probability of a single false claim whatever the dependence between the symbols, which rise and
fall together. Simes' test would bound it under positive dependence alone, and names no symbol.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import StudySummary, Verdict
from optimizer.validation.statistics.max_t import best_of
from optimizer.validation.verdict import PROMISING_CONFIDENCE, PROMISING_P

#: Verdicts of a symbol's own study without which no claim is made of it.
_PROVEN = (Verdict.STRONG, Verdict.PROMISING)


@dataclass(frozen=True, kw_only=True)
class SymbolResult:
    """What one symbol's study found."""

    symbol: str
    p: float | None = None  # after the searches of its own bars, without the other symbols; None: nothing to test
    verdict: Verdict | None = None  # None: the study ended without one

    @property
    def is_proven(self) -> bool:
        """True if the symbol's own study speaks for it."""
        return self.verdict in _PROVEN


@dataclass(frozen=True, kw_only=True)
class AcrossSymbols:
    """Judgement over all symbols of a request, each of which counts as a try."""

    results: tuple[SymbolResult, ...]  # in the order of the request
    p_values: tuple[float, ...]  # of each, after all symbols; 1 without a test

    @property
    def n(self) -> int:
        """Number of symbols that were tried."""
        return len(self.results)

    @property
    def more_than_luck(self) -> tuple[str, ...]:
        """Symbols that are more than luck, the best first."""
        found = [(p, result.symbol) for p, result in self._ranked() if p <= PROMISING_P and result.is_proven]
        return tuple(symbol for _, symbol in found)

    @property
    def best(self) -> SymbolResult | None:
        """Result with the smallest p value; None where nothing could be tested."""
        return next((result for _, result in self._ranked() if result.p is not None), None)

    @property
    def confidence(self) -> float:
        """Complement of the best one's p value after all symbols: that of any claim at all."""
        return 1.0 - min(self.p_values)

    @property
    def least_confidence(self) -> float:
        """Confidence that a claim needs."""
        return PROMISING_CONFIDENCE

    @property
    def is_beyond_luck(self) -> bool:
        """True if the best one passes the test, whatever its own study says."""
        return min(self.p_values) <= PROMISING_P

    def _ranked(self) -> list[tuple[float, SymbolResult]]:
        """Results with their p values after all symbols, the best first."""
        pairs = list(zip(self.p_values, self.results, strict=True))
        return sorted(pairs, key=lambda pair: (pair[0], 1.0 if pair[1].p is None else pair[1].p))


def across_symbols(results: Sequence[SymbolResult]) -> AcrossSymbols:
    """Judge all symbols of a request together; studies without a test are tries all the same."""
    p_values = np.array([1.0 if result.p is None else result.p for result in results])
    return AcrossSymbols(results=tuple(results), p_values=tuple(holm(p_values).tolist()))


def holm(p_values: FloatArray) -> FloatArray:
    """Adjusted p values, (n,): those at most α are claims, of which any is false with a probability of at most α.

    Holm (1979): the largest, over the j smallest p values up to one's own, of (n − j + 1) times the j-th.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.arange(len(p_values), 0, -1) * p_values[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def own_p(summary: StudySummary) -> float | None:
    """Return a study's p value among the searches of its own bars; None where nothing was tested.

    The stored one is that of the best of those searches and of the other symbols of its request (Šidák 1967), which
    are taken out here, lest they count twice.
    """
    tests, tries = summary.significance, summary.tries
    if tests is None:
        return None
    return tests.p if tries is None else best_of(tests.p, tries.n_searches / tries.n_counted)
