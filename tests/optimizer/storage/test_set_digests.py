"""Digests of parameter sets, which are compared with those that earlier versions stored."""

import hashlib
import json

import pytest

from optimizer.domain.space import Value
from optimizer.storage.digests import SET_BYTES, set_digests


@pytest.mark.parametrize(
    "params",
    [{"period": 14, "low": 30, "high": 70}, {"b": 1.5, "a": 'x"é', "c": 1e-7, "d": 2**60}, {"only": -0.0}, {}],
)
def test_a_set_has_the_digest_of_its_sorted_pairs_as_json(params: dict[str, Value]) -> None:
    pairs = [(name, value if isinstance(value, str) else float(value)) for name, value in sorted(params.items())]
    text = json.dumps(pairs, separators=(",", ":")).encode()

    assert set_digests([params, params]) == 2 * hashlib.blake2b(text, digest_size=SET_BYTES).digest()
