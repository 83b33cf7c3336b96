"""Bodies are read strictly."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.api.errors import HalfACharacter, NamedTwice, NotANumberOfJson, NotJson, TooDeep
from bot.api.request_body import MAX_DEPTH, parse_json
from optimizer.errors import UserError
from tests.odd_json import ODD_BODIES

_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.slow
@settings(derandomize=True)
@given(_VALUES)
def test_json_is_read_as_it_is(value: object) -> None:
    text = json.dumps(value)
    if max(_depths(value)) <= MAX_DEPTH:
        assert parse_json(text.encode()) == value


def _depths(value: object, depth: int = 0) -> list[int]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return [depth] if inner is None else [depth + 1, *(d for each in inner for d in _depths(each, depth + 1))]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotJson), (b"{", NotJson), (b"[1,]", NotJson), (b"'a'", NotJson), (b"\xff", NotJson),
        (b"\xef\xbb\xbf{}", NotJson), (b"NaN", NotANumberOfJson), (b"[-Infinity]", NotANumberOfJson),
        (b"9" * 2000, NotANumberOfJson), (b"[" * 9 + b"]" * 9, TooDeep), (b'{"a":' * 60_000, TooDeep),
        (b"[1e999]", NotANumberOfJson), (b"-1e999", NotANumberOfJson), (b"1" * 400 + b".0", NotANumberOfJson),
        (b'"\\ud800"', HalfACharacter), (b'{"a": "x\\uDFFFy"}', HalfACharacter), (b'"\\udc00\\ud800"', HalfACharacter),
        (b'{"\\ud800": 1, "\\ud800": 2}', HalfACharacter), (b'"\\\\\\ud800"', HalfACharacter),
        (b'"\xed\xa0\x80"', NotJson), ("[1]".encode("utf-16"), NotJson), ("[1]".encode("utf-32-le"), NotJson),
        (b'{"a": 1, "a": 2}', NamedTwice), (b'{"\\u0061": 1, "a": 2}', NamedTwice),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes, error: type[UserError]) -> None:
    with pytest.raises(error):
        parse_json(body)


def test_brackets_inside_of_texts_do_not_nest() -> None:
    assert parse_json(b'{"a": "[[[[[[[[[[\\"[[[["}') == {"a": '[[[[[[[[[["[[[['}


def test_whole_characters_pass_however_they_are_written() -> None:
    assert parse_json(rb'"\ud83d\ude00 \\ud800 \u0000"') == "\U0001f600 \\ud800 \0"


@settings(derandomize=True, max_examples=400)
@given(ODD_BODIES)
def test_odd_bodies_are_read_as_text_that_can_be_stored_or_are_refused(body: bytes) -> None:
    try:
        value = parse_json(body)
    except UserError:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
