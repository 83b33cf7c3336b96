"""Sentences as people write them in forums, documentation and chats: read right, refused or asked about, never misread.

The phrasings were collected from the conditions of charting programs, from questions about them, and from Korean
tutorials; the numbers are made up.
"""

import pytest

from optimizer.strategies.rules.errors import (
    ComparesItself,
    ComparesNumbers,
    ExitAlone,
    FastNotBelowSlow,
    MixedConnectors,
    NotComparable,
    NotWholeInRule,
    NumberOutside,
    OddPrime,
    RuleEnds,
    RuleError,
    RuleWithoutSide,
    SideRepeated,
    TwoLanguages,
    UnexpectedInRule,
    UnknownRuleWord,
    WhichCrossing,
    WrongNumberOfNumbers,
)
from optimizer.strategies.rules.reading import parse_rule
from optimizer.strategies.rules.writing import rule_text

#: What is read at once: what was typed, and the canonical sentence.
READ = {
    # English
    "buy when rsi < 30; sell when rsi > 70": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "Buy when RSI(14) is below 30. ": "buy when rsi(14) < 30",
    "buy if rsi14 is under 30; sell if rsi14 is over 55": "buy when rsi(14) < 30; sell when rsi(14) > 55",
    "BUY WHEN RSI 14 < 30 AND CLOSE > SMA 200; SELL WHEN RSI 14 > 55": (
        "buy when rsi(14) < 30 and close > sma(200); sell when rsi(14) > 55"
    ),
    "buy when close > 200 day moving average; sell when close < 200 day moving average": (
        "buy when close > sma(200); sell when close < sma(200)"
    ),
    "buy when the close is above the 200-day sma; sell when the close is below the 200-day sma": (
        "buy when close > sma(200); sell when close < sma(200)"
    ),
    "buy when sma(50) crosses above sma(200); sell when sma(50) crosses below sma(200)": (
        "buy when sma(50) crosses above sma(200); sell when sma(50) crosses below sma(200)"
    ),
    "buy when 50 day sma crosses over 200 day sma; sell when 50 day sma crosses under 200 day sma": (
        "buy when sma(50) crosses above sma(200); sell when sma(50) crosses below sma(200)"
    ),
    "go long when ema(12) > ema(26); exit when ema(12) < ema(26)": (
        "buy when ema(12) > ema(26); sell when ema(12) < ema(26)"
    ),
    "buy when macd crosses above signal; sell when macd crosses below signal": (
        "buy when macd(12, 26, 9) crosses above signal(12, 26, 9); "
        "sell when macd(12, 26, 9) crosses below signal(12, 26, 9)"
    ),
    "buy when macd histogram > 0; sell when macd histogram < 0": (
        "buy when histogram(12, 26, 9) > 0; sell when histogram(12, 26, 9) < 0"
    ),
    "buy when close < lower bollinger band; sell when close > middle band": (
        "buy when close < lower(20, 2); sell when close > middle(20)"
    ),
    "buy when close crosses below lower(20, 2.5); sell when close > upper(20, 2.5)": (
        "buy when close crosses below lower(20, 2.5); sell when close > upper(20, 2.5)"
    ),
    "buy when stochastic < 20; sell when stochastic > 80": "buy when stoch(14) < 20; sell when stoch(14) > 80",
    "buy when %k crosses above %d; sell when %k > 80": (
        "buy when stoch(14) crosses above %d(14, 3); sell when stoch(14) > 80"
    ),
    "buy when williams %r < -80; sell when williams %r > -20": (
        "buy when williams(14) < -80; sell when williams(14) > -20"
    ),
    "buy when cci(20) < -100; sell when cci(20) > 100": "buy when cci(20) < -100; sell when cci(20) > 100",
    "buy when mfi is less than 20; sell when mfi is greater than 80": "buy when mfi(14) < 20; sell when mfi(14) > 80",
    "buy when adx > 25 and close > ema 50; sell when adx < 20": (
        "buy when adx(14) > 25 and close > ema(50); sell when adx(14) < 20"
    ),
    "buy when volume > average volume(20) + 50% and close > open; sell when close < open": (
        "buy when volume > volsma(20) + 50% and close > open; sell when close < open"
    ),
    "buy when close > highest(20)[1]; sell when close < lowest(10)[1]": (
        "buy when close > highest(20)[1]; sell when close < lowest(10)[1]"
    ),
    "buy when close > close 10 bars ago; sell when close < close 10 bars ago": (
        "buy when close > close[10]; sell when close < close[10]"
    ),
    "buy when close falls 3 days in a row; sell when close rises 2 days in a row": (
        "buy when close falls 3 bars; sell when close rises 2 bars"
    ),
    "buy when rsi < 30 for 3 bars; sell when rsi > 50": "buy when rsi(14) < 30 for 3 bars; sell when rsi(14) > 50",
    "buy when rsi between 30 and 40; sell when rsi > 60": "buy when rsi(14) between 30 and 40; sell when rsi(14) > 60",
    "buy when not rsi > 70 and close > sma 100; sell when rsi > 70": (
        "buy when not rsi(14) > 70 and close > sma(100); sell when rsi(14) > 70"
    ),
    "buy when (rsi < 30 or stoch < 20) and close > sma(200); sell when rsi > 60": (
        "buy when (rsi(14) < 30 or stoch(14) < 20) and close > sma(200); sell when rsi(14) > 60"
    ),
    "buy when close is 3% below sma(20); sell when close > sma(20)": (
        "buy when close < sma(20) - 3%; sell when close > sma(20)"
    ),
    "buy when close > sma(200) + 2%; sell when close < sma(200) - 2%": (
        "buy when close > sma(200) + 2%; sell when close < sma(200) - 2%"
    ),
    "buy when spy.close > spy.sma(200) and rsi(2) < 10; sell when rsi(2) > 70": (
        "buy when spy.close > spy.sma(200) and rsi(2) < 10; sell when rsi(2) > 70"
    ),
    "buy when rsi(14) on 1w > 50 and rsi(2) < 10; sell when rsi(2) > 60": (
        "buy when rsi(14) on 1w > 50 and rsi(2) < 10; sell when rsi(2) > 60"
    ),
    "buy when weekly rsi > 50 and rsi(2) < 10; sell when rsi(2) > 60": (
        "buy when rsi(14) on 1w > 50 and rsi(2) < 10; sell when rsi(2) > 60"
    ),
    "short when rsi > 80; cover when rsi < 50": "short when rsi(14) > 80; cover when rsi(14) < 50",
    "sell short when close < sma(200); buy to cover when close > sma(200)": (
        "short when close < sma(200); cover when close > sma(200)"
    ),
    "buy when rsi<=30; sell when rsi>=70": "buy when rsi(14) <= 30; sell when rsi(14) >= 70",
    "buy when 30 > rsi; sell when 70 < rsi": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "buy when roc(125) > 0\nsell when roc(125) < 0": "buy when roc(125) > 0; sell when roc(125) < 0",
    "buy when zscore(20) < -2 sell when zscore(20) > 0": "buy when zscore(20) < -2; sell when zscore(20) > 0",
    "buy when price > vwap and rsi < 60; sell when price < vwap": (
        "buy when close > vwap and rsi(14) < 60; sell when close < vwap"
    ),
    "buy when close > vwap(20); sell when close < vwap(20)": (
        "buy when close > rolling_vwap(20); sell when close < rolling_vwap(20)"
    ),
    "buy when tenkan crosses above kijun and close > senkou_a; sell when tenkan crosses below kijun": (
        "buy when tenkan(9) crosses above kijun(26) and close > senkou_a(9, 26); "
        "sell when tenkan(9) crosses below kijun(26)"
    ),
    "buy when close > keltner upper; sell when close < ema(20)": (
        "buy when close > keltner_upper(20, 2); sell when close < ema(20)"
    ),
    "buy when percentile rank(100) < 10; sell when percentile rank(100) > 50": (
        "buy when rank(100) < 10; sell when rank(100) > 50"
    ),
    "buy when linear regression slope(20) > 0; sell when linear regression slope(20) < 0": (
        "buy when slope(20) > 0; sell when slope(20) < 0"
    ),
    "buy when atr(14) rises for 3 bars; sell when atr(14) falls for 3 bars": (
        "buy when atr(14) rises 3 bars; sell when atr(14) falls 3 bars"
    ),
    "buy when supertrend > 0; sell when supertrend < 0": (
        "buy when supertrend(10, 3) > 0; sell when supertrend(10, 3) < 0"
    ),
    "buy when rsi(10..20) < 25..35; sell when rsi(10..20) > 55": (
        "buy when rsi(10..20) < 25..35; sell when rsi(10..20) > 55"
    ),
    "buy when rsi(14) < 30; sell when rsi(14)' > 70": "buy when rsi(14) < 30; sell when rsi(14)' > 70",
    "buy when rsi is at most 30; sell when rsi is at least 70": "buy when rsi(14) <= 30; sell when rsi(14) >= 70",
    "buy when high > high[1] and low > low[1]; sell when low < low[1]": (
        "buy when high > high[1] and low > low[1]; sell when low < low[1]"
    ),
    "long when close > ema20; exit long when close < ema20": "buy when close > ema(20); sell when close < ema(20)",
    "buy when not (rsi > 70 or close < sma 50); sell when close < sma 50": (
        "buy when not (rsi(14) > 70 or close < sma(50)); sell when close < sma(50)"
    ),
    # Korean
    "RSI가 30 아래면 매수, RSI가 70 위면 매도": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "RSI(14)가 30보다 작으면 매수; RSI(14)가 70보다 크면 매도": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "rsi가 30 미만이면 매수하고, rsi가 55 초과이면 매도한다": "buy when rsi(14) < 30; sell when rsi(14) > 55",
    "RSI가 30 아래이고 종가가 200일선 위면 매수, RSI가 55 위면 매도": (
        "buy when rsi(14) < 30 and close > sma(200); sell when rsi(14) > 55"
    ),
    "5일선이 20일선을 골든크로스하면 매수, 5일선이 20일선을 데드크로스하면 매도": (
        "buy when sma(5) crosses above sma(20); sell when sma(5) crosses below sma(20)"
    ),
    "5일 이동평균선이 20일 이동평균선을 상향 돌파하면 매수, 하향 돌파하면 매도": UnexpectedInRule,
    "20일 이동평균이 60일 이동평균 위에 있으면 매수; 20일 이동평균이 60일 이동평균 아래에 있으면 매도": (
        "buy when sma(20) > sma(60); sell when sma(20) < sma(60)"
    ),
    "종가가 볼린저밴드 하단 아래면 매수, 종가가 중심선 위면 매도": (
        "buy when close < lower(20, 2); sell when close > middle(20)"
    ),
    "종가가 볼린저 하단을 하향 돌파하면 매수, 종가가 볼린저 상단을 상향 돌파하면 매도": (
        "buy when close crosses below lower(20, 2); sell when close crosses above upper(20, 2)"
    ),
    "MACD가 시그널을 상향 돌파하면 매수, MACD가 시그널을 하향 돌파하면 매도": (
        "buy when macd(12, 26, 9) crosses above signal(12, 26, 9); "
        "sell when macd(12, 26, 9) crosses below signal(12, 26, 9)"
    ),
    "거래량이 20일 평균거래량보다 많고 종가가 시가보다 높으면 매수, 종가가 시가보다 낮으면 매도": (
        "buy when volume > volsma(20) and close > open; sell when close < open"
    ),
    "종가가 3일 연속 하락하면 매수, 종가가 2일 연속 상승하면 매도": (
        "buy when close falls 3 bars; sell when close rises 2 bars"
    ),
    "종가가 200일선보다 3% 위면 매수, 종가가 200일선보다 3% 아래면 매도": (
        "buy when close > sma(200) + 3%; sell when close < sma(200) - 3%"
    ),
    "RSI가 30과 40 사이이면 매수, RSI가 60 이상이면 매도": (
        "buy when rsi(14) between 30 and 40; sell when rsi(14) >= 60"
    ),
    "RSI가 30~40 사이에 있으면 매수, RSI가 60 이상이면 매도": (
        "buy when rsi(14) between 30 and 40; sell when rsi(14) >= 60"
    ),
    "RSI가 30 이하이거나 스토캐스틱이 20 이하이면 매수, RSI가 70 이상이면 매도": (
        "buy when rsi(14) <= 30 or stoch(14) <= 20; sell when rsi(14) >= 70"
    ),
    "(RSI가 30 아래이거나 스토캐스틱이 20 아래)이고 종가가 200일선 위이면 매수; RSI가 60 위이면 매도": (
        "buy when (rsi(14) < 30 or stoch(14) < 20) and close > sma(200); sell when rsi(14) > 60"
    ),
    "RSI가 30 아래 3봉 연속이면 매수; RSI가 50 위이면 매도": (
        "buy when rsi(14) < 30 for 3 bars; sell when rsi(14) > 50"
    ),
    "종가가 2봉 전 종가보다 높으면 매수; 종가가 2봉 전 종가보다 낮으면 매도": (
        "buy when close > close[2]; sell when close < close[2]"
    ),
    "종가가 최고가(20)[1] 위이면 매수; 종가가 최저가(10)[1] 아래이면 매도": (
        "buy when close > highest(20)[1]; sell when close < lowest(10)[1]"
    ),
    "주봉 RSI가 50 위이고 RSI(2)가 10 아래이면 매수; RSI(2)가 60 위이면 매도": (
        "buy when rsi(14) on 1w > 50 and rsi(2) < 10; sell when rsi(2) > 60"
    ),
    "SPY.종가가 SPY.이동평균(200) 위이고 RSI(2)가 10 아래이면 매수; RSI(2)가 70 위이면 매도": (
        "buy when spy.close > spy.sma(200) and rsi(2) < 10; sell when rsi(2) > 70"
    ),
    "005930.KS.종가가 005930.KS.60일선 위이면 매수; RSI가 70 위이면 매도": UnknownRuleWord,
    "RSI가 80 위이면 공매도; RSI가 50 아래이면 환매수": "short when rsi(14) > 80; cover when rsi(14) < 50",
    "ADX가 25 이상이고 종가가 지수이동평균(50) 위이면 매수; ADX가 20 이하이면 매도": (
        "buy when adx(14) >= 25 and close > ema(50); sell when adx(14) <= 20"
    ),
    "CCI가 -100 아래이면 매수; CCI가 100 위이면 매도": "buy when cci(20) < -100; sell when cci(20) > 100",
    "MFI가 20보다 낮으면 매수; MFI가 80보다 높으면 매도": "buy when mfi(14) < 20; sell when mfi(14) > 80",
    "윌리엄스 %R가 -80 아래이면 매수; 윌리엄스 %R가 -20 위이면 매도": (
        "buy when williams(14) < -80; sell when williams(14) > -20"
    ),
    "전환선이 기준선을 상향 돌파하고 종가가 선행스팬1 위이면 매수; 전환선이 기준선을 하향 돌파하면 매도": (
        "buy when tenkan(9) crosses above kijun(26) and close > senkou_a(9, 26); "
        "sell when tenkan(9) crosses below kijun(26)"
    ),
    "RSI < 30 이면 매수, RSI > 70 이면 매도": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "RSI<30이고 종가>이동평균(200)이면 매수; RSI>55이면 매도": (
        "buy when rsi(14) < 30 and close > sma(200); sell when rsi(14) > 55"
    ),
    "RSI가 30 아래일 때 매수, RSI가 70 위일 때 매도": "buy when rsi(14) < 30; sell when rsi(14) > 70",
    "종가가 200일 이동평균선보다 크고 RSI(2)가 5보다 작을 때 매수; 종가가 5일 이동평균선보다 클 때 매도": (
        "buy when close > sma(200) and rsi(2) < 5; sell when close > sma(5)"
    ),
    "변화율(125)이 0보다 크면 매수; 변화율(125)이 0보다 작으면 매도": "buy when roc(125) > 0; sell when roc(125) < 0",
    "가격이 VWAP 위이고 RSI가 60 아래이면 매수; 가격이 VWAP 아래이면 매도": (
        "buy when close > vwap and rsi(14) < 60; sell when close < vwap"
    ),
    "슈퍼트렌드가 0 위이면 매수; 슈퍼트렌드가 0 아래이면 매도": (
        "buy when supertrend(10, 3) > 0; sell when supertrend(10, 3) < 0"
    ),
    "RSI(10~20)가 25~35 아래이면 매수; RSI(10~20)가 55 위이면 매도": (
        "buy when rsi(10..20) < 25..35; sell when rsi(10..20) > 55"
    ),
    "(RSI가 70 위)가 아니고 종가가 100일선 위이면 매수; RSI가 70 위이면 매도": (
        "buy when not rsi(14) > 70 and close > sma(100); sell when rsi(14) > 70"
    ),
    "종가가 20일선 위이고 거래량이 평균거래량 + 50% 위이면 매수; 종가가 20일선 아래이면 매도": (
        "buy when close > sma(20) and volume > volsma(20) + 50%; sell when close < sma(20)"
    ),
    "고가가 고가[1]보다 높고 저가가 저가[1]보다 높으면 매수; 저가가 저가[1]보다 낮으면 매도": (
        "buy when high > high[1] and low > low[1]; sell when low < low[1]"
    ),
}
#: What is refused or asked about, and as what.
REFUSED = {
    "buy when rsi falls below 30; sell when rsi > 70": WhichCrossing,
    "buy when close breaks above sma(200); sell when close < sma(200)": WhichCrossing,
    "buy when sma(20) crosses sma(50); sell when rsi > 70": WhichCrossing,
    "RSI가 30 아래로 내려가면 매수, RSI가 70 위면 매도": WhichCrossing,
    "종가가 200일선을 돌파하면 매수, RSI가 70 위면 매도": WhichCrossing,
    "buy when rsi < 30 and close > sma(200) or volume > volsma; sell when rsi > 70": MixedConnectors,
    "RSI가 30 아래이고 종가가 200일선 위이거나 거래량이 평균거래량 위이면 매수; RSI가 70 위이면 매도": MixedConnectors,
    "buy when close > rsi; sell when rsi > 70": NotComparable,
    "buy when volume > close; sell when rsi > 70": NotComparable,
    "종가가 RSI 위이면 매수; RSI가 70 위이면 매도": NotComparable,
    "buy when rsi < 130; sell when rsi > 70": NumberOutside,
    "buy when williams < 20; sell when rsi > 70": NumberOutside,
    "buy when sma(1) < close; sell when rsi > 70": NumberOutside,
    "buy when sma(2.5) < close; sell when rsi > 70": NotWholeInRule,
    "buy when macd(12) > 0; sell when rsi > 70": WrongNumberOfNumbers,
    "buy when macd(26, 12, 9) > 0; sell when rsi > 70": FastNotBelowSlow,
    "buy when rsi() < 30; sell when rsi > 70": WrongNumberOfNumbers,
    "buy when close(5) > open; sell when rsi > 70": WrongNumberOfNumbers,
    "buy when 30 < 40; sell when rsi > 70": ComparesNumbers,
    "buy when rsi(14) > rsi(14); sell when rsi > 70": ComparesItself,
    "buy when close' > open; sell when rsi > 70": OddPrime,
    "sell when rsi > 70": ExitAlone,
    "buy when rsi < 30; buy when rsi < 20; sell when rsi > 70": SideRepeated,
    "buy when rsi < 30; sell when": RuleEnds,
    "buy when rsi <": RuleEnds,
    "buy rsi < 30": UnexpectedInRule,
    "rsi < 30": UnexpectedInRule,
    "buy when rsi = 30; sell when rsi > 70": UnknownRuleWord,
    "buy when rsy < 30; sell when rsi > 70": UnknownRuleWord,
    "buy when obv > 0; sell when rsi > 70": UnknownRuleWord,
    "buy when close > __import__('os'); sell when rsi > 70": UnknownRuleWord,
    "buy when close.rolling(20).mean() > open": (UnknownRuleWord, UnexpectedInRule),
    "buy when rsi < 30 면 매수": TwoLanguages,
    "RSI가 30 아래이면 매수 and sell when RSI > 70": (TwoLanguages, UnexpectedInRule),
    "55 위면 매도": UnexpectedInRule,
    "RSI가 30 아래면 매수, 55 위면 매도": UnexpectedInRule,
    "RSI가 30 아래": RuleEnds,
    "알에스아이가 30 아래면 매수": UnknownRuleWord,
    "": RuleWithoutSide,
    "   ;  ": RuleWithoutSide,
}  # fmt: skip


@pytest.mark.parametrize("typed", [typed for typed, expected in READ.items() if isinstance(expected, str)])
def test_a_sentence_is_read_as_it_is_meant(typed: str) -> None:
    assert rule_text(parse_rule(typed)) == READ[typed]


@pytest.mark.parametrize(
    "typed", [*REFUSED, *(typed for typed, expected in READ.items() if not isinstance(expected, str))]
)
def test_a_sentence_that_is_unclear_is_refused_at_its_place(typed: str) -> None:
    expected = REFUSED.get(typed) or READ[typed] or RuleError
    with pytest.raises(expected) as refusal:  # type: ignore[arg-type]
        parse_rule(typed)
    facts = refusal.value.facts
    assert 0 <= facts["at"] <= facts["at"] + facts["length"] <= len(facts["text"])


def test_nine_of_ten_sentences_are_read_at_once() -> None:
    read = [typed for typed, expected in READ.items() if isinstance(expected, str)]
    assert len(READ) >= 90
    assert len(read) / len(READ) >= 0.9


def test_both_readings_of_an_unclear_sentence_are_offered() -> None:
    with pytest.raises(WhichCrossing) as which:
        parse_rule("buy when rsi falls below 30; sell when rsi > 70")
    assert (which.value.facts["one"], which.value.facts["other"]) == ("rsi(14) < 30", "rsi(14) crosses below 30")
    with pytest.raises(MixedConnectors) as mixed:
        parse_rule("buy when rsi < 30 and close > sma(200) or volume > volsma; sell when rsi > 70")
    assert mixed.value.facts["one"] == "(rsi(14) < 30 and close > sma(200)) or volume > volsma(20)"
    assert mixed.value.facts["other"] == "rsi(14) < 30 and (close > sma(200) or volume > volsma(20))"


def test_the_subject_that_is_missing_is_offered_and_not_guessed() -> None:
    text = "RSI가 30 아래면 매수, 55 위면 매도"
    with pytest.raises(UnexpectedInRule) as refusal:
        parse_rule(text)
    facts = refusal.value.facts
    assert facts["nearest"] == "RSI(14)가 "
    at = facts["at"]
    assert isinstance(at, int)
    mended = f"{text[:at]}{facts['nearest']}{text[at:]}"
    assert rule_text(parse_rule(mended)) == "buy when rsi(14) < 30; sell when rsi(14) > 55"


def test_a_clear_typing_error_has_its_correction() -> None:
    with pytest.raises(UnknownRuleWord) as refusal:
        parse_rule("buy when rsi < 30; sell whn rsi > 70")
    assert (refusal.value.facts["word"], refusal.value.facts["nearest"]) == ("whn", "when")
