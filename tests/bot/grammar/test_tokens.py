"""Typing as it arrives from keyboards, phones, Slack and copied text."""

import pytest

from bot.grammar.errors import TooLong, UnclosedQuote
from bot.grammar.tokens import MAX_TEXT, repair, split
from tests.refused import refused


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("AAPL RSI 200", "AAPL RSI 200"),
        ("  AAPL \t RSI\n200 ", "AAPL RSI 200"),
        ("AAPL\u00a0RSI\u3000200", "AAPL RSI 200"),
        ("AA\u200bPL\ufeff RSI\u200d", "AAPL RSI"),
        ("\u3164AAPL RSI\u2060", "AAPL RSI"),
        ("AAPL\x00 RSI\x07", "AAPL RSI"),
        ("AAPL RSI \ud800200", "AAPL RSI 200"),
        ("ＡＡＰＬ ｒｓｉ ２００", "AAPL rsi 200"),
        ("AAPL RSI goal＝sharpe", "AAPL RSI goal=sharpe"),
        ("AAPL RSI —dry", "AAPL RSI -dry"),
        ("AAPL momentum leave=−5", "AAPL momentum leave=-5"),
        ("AAPL RSI period=10…20", "AAPL RSI period=10...20"),
        ("AAPL RSI period=10 .. 20", "AAPL RSI period=10..20"),
        ("AAPL RSI note=“two words”", "AAPL RSI note=two words"),
        ("AAPL RSI note=„two words“", "AAPL RSI note=two words"),
        ("AAPL RSI note=‘two words’", "AAPL RSI note=two words"),
        ("AAPL RSI note= 'it is \"so\"'", "AAPL RSI note=it is 'so'"),
        ('AAPL RSI note="a = b, c < d"', "AAPL RSI note=a = b, c < d"),
        ("AAPL , MSFT RSI", "AAPL,MSFT RSI"),
        ("AAPL RSI goal = sharpe , maxdd", "AAPL RSI goal=sharpe,maxdd"),
        ("AAPL RSI maxdd &lt; 20 trades &gt;30", "AAPL RSI maxdd<20 trades>30"),
        ("AT&amp;T RSI", "AT&T RSI"),
        ("<http://SHOP.TO|SHOP.TO> RSI", "SHOP.TO RSI"),
        ("<http://SHOP.TO> RSI", "SHOP.TO RSI"),
        ("AAPL,<https://BRK.B/|BRK.B> RSI", "AAPL,BRK.B RSI"),
        ("<mailto:a@b.co|a@b.co> RSI", "a@b.co RSI"),
        ("AAPL RSI from=<tel:2015-01-01|2015-01-01>", "AAPL RSI from=2015-01-01"),
        ("&lt;http://SHOP.TO|SHOP.TO&gt; RSI", "<http://SHOP.TO|SHOP.TO> RSI"),
        ("<@U0123ABC> AAPL RSI", "AAPL RSI"),
        ("<@U0123ABC|optimizer>: AAPL RSI", "AAPL RSI"),
        ("<@U1> <@W2>, AAPL RSI", "AAPL RSI"),
        ("AAPL <@U0123ABC> RSI", "AAPL <@U0123ABC> RSI"),
        ("<!channel> AAPL RSI", "<!channel> AAPL RSI"),
        ("@optimizer AAPL RSI", "AAPL RSI"),
        ("/optimize AAPL RSI", "AAPL RSI"),
        ("<@U1> /optimize AAPL RSI", "AAPL RSI"),
        ("/optimizer AAPL RSI", "/optimizer AAPL RSI"),
        ("@optimizers AAPL RSI", "@optimizers AAPL RSI"),
        ("`AAPL RSI 200`", "AAPL RSI 200"),
        ("```AAPL RSI 200```", "AAPL RSI 200"),
        ("*AAPL* RSI", "AAPL RSI"),
        ("\u1109\u1161\u11bc\u1110\u1162 7f", "상태 7f"),
    ],
)
def test_typing_is_mended(typed: str, meant: str) -> None:
    assert " ".join(word.text for word in split(typed)) == meant


def test_superscripts_and_other_digits_are_not_taken_for_plain_ones() -> None:
    assert repair("200² ٢٠٠") == "200² ٢٠٠"


def test_words_know_their_place_and_their_pair() -> None:
    words = split('AAPL rsi Goal=sharpe note="a b"')

    assert [word.at for word in words] == [0, 1, 2, 3]
    assert words[2].pair == ("goal", "sharpe")
    assert words[0].pair is None
    assert words[3].typed == 'note="a b"'


def test_a_quote_without_an_end_is_named() -> None:
    with refused(UnclosedQuote, match=r"opens at `note=.hello`"):
        split('AAPL RSI note="hello there')


def test_a_text_longer_than_any_command_is_refused_unread() -> None:
    with refused(TooLong, match="10,000 characters"):
        split("A" * 10_000)

    assert split("A" * MAX_TEXT)
