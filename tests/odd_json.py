"""Bodies that are nearly JSON, or JSON that no program expects: a strict reader takes or refuses them in words.

Half characters, NaN and infinity, numbers beyond every range, names twice, deep nesting, other encodings, cut bodies.
"""

import json
from typing import Any

from hypothesis import strategies as st

_ANY_TEXT = st.text(alphabet=st.characters(), max_size=12)  # surrogates, control characters and NUL included
_NUMBERS = st.sampled_from(
    ["NaN", "-Infinity", "Infinity", "1e999", "-1e999", "1e-999", "9" * 400, "9" * 2000, "-0", "01", "1.", ".5", "0x10"]
)
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp037", "latin-1")


def _written(value: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False)])


def _array(items: list[str]) -> str:
    return f"[{','.join(items)}]"


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


#: JSON texts, a few of them none.
TEXTS: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        _NUMBERS,
        _ANY_TEXT.flatmap(_written),
        st.sampled_from(["null", "true", "nul", "'a'", "", '"\\ud800"', '"\\udc00x"']),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(_array),
        st.lists(st.tuples(st.one_of(_ANY_TEXT, st.sampled_from(["a", "\ud800"])), inner), max_size=3).map(_object),
        st.tuples(inner, st.integers(1, 2000)).map(lambda pair: "[" * pair[1] + pair[0] + "]" * pair[1]),
    ),
    max_leaves=6,
)


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf-") and encoding != "utf-7" else "replace")


def bodies(texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """These texts as bytes: in UTF-8 mostly, in other encodings, and cut."""
    whole = st.tuples(texts, st.sampled_from(("utf-8", "utf-8", *_ENCODINGS))).map(lambda pair: _encoded(*pair))
    cut = st.tuples(whole, st.integers(0, 40)).map(lambda pair: pair[0][: -pair[1] or None])
    return st.one_of(whole, whole, cut, st.binary(max_size=20))


ODD_BODIES = bodies(TEXTS)

#: Fields of a start request, at every level, and one that there is not.
_FIELDS = (
    "symbol", "symbols", "strategy", "n_trials", "goal", "goals", "mode", "timeframe", "source", "seed", "sampler",
    "min_trades", "caps", "overlays", "search_space", "window", "costs", "name", "notes", "quiet", "force",
    "allow_short", "slack_channel", "private", "nosuch",
)  # fmt: skip
_INNER = ("start", "end", "years", "folds", "holdout", "commission_bps", "slippage_bps", "period", "low", "value", "\0")


def _start(pairs: list[tuple[str, str]]) -> str:
    fields = {"symbol": '"NOSUCH"', "strategy": '"rsi"'} | dict(pairs)
    return _object(list(fields.items()))


_VALUE = st.one_of(TEXTS, st.lists(st.tuples(st.sampled_from(_INNER), TEXTS), min_size=1, max_size=2).map(_object))
#: Start requests with odd values in their fields; there are no bars of their symbol.
ODD_STARTS = bodies(st.lists(st.tuples(st.sampled_from(_FIELDS), _VALUE), min_size=1, max_size=3).map(_start))
