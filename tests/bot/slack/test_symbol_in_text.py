"""Which symbol a message is about."""

import pytest

from bot.slack.symbol_in_text import find_ticker

KNOWN = {"AAPL", "A", "BRK-B", "005930.KS", "^GSPC", "SHOP.TO"}


@pytest.mark.parametrize(
    ("text", "ticker"),
    [
        ("AAPL looks cheap", "AAPL"),
        ("what about $shop or AAPL?", "SHOP"),
        ("(AAPL), really", "AAPL"),
        ("BRK-B and 005930.KS.", "BRK-B"),
        ("look at <http://SHOP.TO|SHOP.TO> &amp; co", "SHOP.TO"),
        ("^GSPC fell", "^GSPC"),
        ("A share", "A"),
        ("Buy AAPL.", "AAPL"),
    ],
)
def test_a_ticker_is_found_in_a_sentence(text: str, ticker: str) -> None:
    assert find_ticker(text, KNOWN) == ticker


@pytest.mark.parametrize(
    "text",
    [
        "",
        "good morning",
        "aapl in small letters may be anything",
        "NVDA is not known here",
        "it cost $5 or US$AAPL",
        "<@UAAPL001> said so",
        "#AAPL is a channel",
        "https://example.com/AAPL/x",
        "MAAPL and AAPLE",
    ],
)
def test_a_message_without_one_gives_none(text: str) -> None:
    assert find_ticker(text, KNOWN) == ""
