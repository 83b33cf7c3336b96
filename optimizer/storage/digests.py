"""Digests by which equal searches, bars and parameter sets are found without reading them."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

from optimizer.domain.space import Params, Value
from optimizer.domain.study_request import Account, StudySpec

#: Parts of a request that make it another search of the same bars.
_SEARCHED = {
    *("strategy_name", "partners", "goals", "caps", "narrowed", "overlays", "costs", "allow_short", "min_trades"),
    *("timeframe", "reenter"),
}
#: Bytes of a set's digest: of a million sets two are taken for one with a probability of one in 30 million.
SET_BYTES = 8
#: Made once: to make one takes longer than to encode a set.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def search_key(spec: StudySpec) -> str:
    """Digest of what a request asks to be searched, whatever its symbol, seed, number of trials and dates."""
    searched = spec.model_dump(mode="json", include=_SEARCHED)
    searched |= _rule(spec) | ({"by_regime": list(spec.by_regime)} if spec.by_regime else {})
    # An account without a size, whose cash earns nothing, is left out: so were all accounts of earlier digests.
    return _digest(searched | ({} if spec.account == Account() else {"account": spec.account.model_dump(mode="json")}))


def bars_key(spec: StudySpec, start: date, end: date) -> str:
    """Digest of symbols, strategy or rule, and window."""
    return _digest([spec.label, spec.strategy_name, start.isoformat(), end.isoformat(), *_rule(spec).values()])


def winner_key(spec: StudySpec, params: Params) -> str:
    """Digest of a parameter set with what it is for: symbols, strategy or rule, and timeframe."""
    return _digest([spec.label, spec.strategy_name, spec.timeframe, _plain(params), *_rule(spec).values()])


def _rule(spec: StudySpec) -> dict[str, str]:
    """What a rule adds to a digest: its text; nothing without one, as in digests of before there were any."""
    return {} if spec.rule is None else {"rule": spec.rule.text}


def set_digests(sets: Iterable[Params]) -> bytes:
    """Digests of parameter sets of one strategy, `SET_BYTES` each, in the order of the sets."""
    return b"".join(hashlib.blake2b(_set_text(params), digest_size=SET_BYTES).digest() for params in sets)


def _set_text(params: Params) -> bytes:
    """Return `_text(_plain(params))`, put together: a study's sets are many and all have the same names."""
    values = [
        opening + (_ENCODER.encode(value) if isinstance(value := params[name], str) else repr(float(value)))
        for name, opening in _openings(tuple(params))
    ]
    return f"[{'],'.join(values)}]]".encode() if values else b"[]"


@cache
def _openings(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Sorted names, each with what is before its value in a set's text."""
    return tuple((name, f"[{_ENCODER.encode(name)},") for name in sorted(names))


def _plain(params: Params) -> list[tuple[str, Value]]:
    """Sorted pairs in which 1 and 1.0 are the same, as they are in MongoDB."""
    return [(name, value if isinstance(value, str) else float(value)) for name, value in sorted(params.items())]


def _digest(facts: Any) -> str:
    return hashlib.blake2b(_text(facts), digest_size=12).hexdigest()


def _text(facts: Any) -> bytes:
    return _ENCODER.encode(facts).encode()
