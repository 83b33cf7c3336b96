"""What people call strategies, goals and orders, in English and Korean, and the words that add nothing."""

from collections.abc import Mapping

#: Names of strategies beside their keys and aliases; of several readings nothing is chosen.
STRATEGY_PHRASES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("relative strength index", "rsi strategy", "상대강도지수", "상대 강도 지수", "알에스아이"), ("rsi",)),
    **dict.fromkeys(("connors rsi", "connors rsi2", "2-period rsi", "코너스"), ("rsi2",)),
    **dict.fromkeys(
        (
            "simple moving averages", "simple moving average", "moving averages", "moving average",
            "moving average crossover", "moving average cross", "ma crossover", "ma cross", "sma crossover",
            "sma cross", "golden cross", "golden-cross", "death cross", "이동평균선", "이동평균", "이동 평균선",
            "이동 평균", "이평선", "이평", "단순이동평균선", "단순이동평균", "단순 이동평균", "골든크로스", "골든 크로스",
            "데드크로스", "데드 크로스",
        ),
        ("sma",),
    ),
    **dict.fromkeys(
        (
            "exponential moving averages", "exponential moving average", "ema crossover", "ema cross",
            "지수이동평균선", "지수이동평균", "지수 이동평균", "지수 이동 평균",
        ),
        ("ema",),
    ),
    **dict.fromkeys(("macd crossover", "macd cross", "엠에이씨디", "맥디"), ("macd",)),
    **dict.fromkeys(
        ("bollinger bands", "bollinger band", "bollingers", "볼린저밴드", "볼린저 밴드", "볼린저", "볼밴"), ("bollinger",)
    ),
    **dict.fromkeys(("rate of change", "모멘텀"), ("momentum",)),
    **dict.fromkeys(
        (
            "donchian channels", "donchian channel", "channel breakout", "price breakout", "turtle trading",
            "turtle traders", "turtles", "돈치안 채널", "돈치안채널", "돈치안", "돌파", "돌파매매", "터틀",
        ),
        ("donchian",),
    ),
    **dict.fromkeys(
        ("stochastic oscillator", "stochastics", "stochastic rule", "스토캐스틱", "스토캐스틱스"), ("stochastic",)
    ),
    **dict.fromkeys(("z-score", "z score", "z-scores", "z스코어", "z-스코어", "제트스코어"), ("zscore",)),
    **dict.fromkeys(("super trend", "super-trend", "슈퍼트렌드", "수퍼트렌드", "슈퍼 트렌드"), ("supertrend",)),
    **dict.fromkeys(
        ("mean reversion", "mean-reversion", "mean reverting", "reversion to the mean", "평균회귀", "평균 회귀", "평균으로 회귀"),
        ("bollinger", "zscore"),
    ),
    **dict.fromkeys(
        ("trend following", "trend-following", "trend follower", "추세추종", "추세 추종"), ("donchian", "supertrend")
    ),
}  # fmt: skip

#: Parameters that the numbers directly behind a strategy mean, in their order: `macd(12,26,9)`.
NUMBERED: Mapping[str, tuple[str, ...]] = {
    "rsi": ("period",),
    "rsi2": ("period",),
    "sma": ("fast", "slow"),
    "ema": ("fast", "slow"),
    "macd": ("fast", "slow", "signal"),
    "bollinger": ("period", "width"),
    "momentum": ("lookback",),
    "donchian": ("entry", "exit"),
    "stochastic": ("k", "d"),
    "zscore": ("period",),
    "supertrend": ("period", "mult"),
}

#: Names of parameters beside their own.
PARAMETER_PHRASES: Mapping[str, str] = {
    "기간": "period",
    "과매도": "oversold",
    "과매수": "overbought",
    "단기": "fast",
    "장기": "slow",
    "시그널": "signal",
    "multiplier": "mult",
}

GOAL_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(("sharpe ratio", "sharpe-ratio", "sharpe", "샤프비율", "샤프 비율", "샤프지수", "샤프 지수", "샤프"), "sharpe"),
    **dict.fromkeys(("sortino ratio", "sortino", "소르티노비율", "소르티노 비율", "소르티노", "소티노"), "sortino"),
    **dict.fromkeys(("calmar ratio", "calmar", "칼마비율", "칼마 비율", "칼마"), "calmar"),
    **dict.fromkeys(("total return", "returns", "return", "profit", "총수익률", "수익률", "수익"), "return"),
    **dict.fromkeys(("annual return", "annualized return", "cagr", "연평균수익률", "연평균 수익률", "연수익률"), "cagr"),
    **dict.fromkeys(
        (
            "maximum drawdown", "max drawdown", "max. drawdown", "max dd", "max-drawdown", "drawdown", "maxdd", "mdd",
            "최대낙폭", "최대 낙폭", "낙폭",
        ),
        "maxdd",
    ),
    **dict.fromkeys(("win rate", "winrate", "win-rate", "hit rate", "승률"), "winrate"),
    **dict.fromkeys(("profit factor", "profitfactor", "손익비", "프로핏팩터", "프로핏 팩터"), "profitfactor"),
    **dict.fromkeys(("system quality number", "sqn"), "sqn"),
}  # fmt: skip
#: Measures that can be capped and are no goals.
CAP_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(("exposure", "노출", "노출도"), "exposure"),
    **dict.fromkeys(("volatility", "변동성"), "volatility"),
    **dict.fromkeys(("expectancy", "기대값"), "expectancy"),
}

BELOW = (
    "not more than", "no more than", "less than", "smaller than", "lower than", "up to", "at most", "at max", "under",
    "below", "within", "max", "<=", "<", "이하", "미만", "이내",
)  # fmt: skip
ABOVE = (
    "not less than", "no less than", "more than", "greater than", "higher than", "better than", "at least", "over",
    "above", "min", ">=", ">", "이상", "초과",
)  # fmt: skip

#: Orders that take a number: a stop is 8 % or the overlay itself.
ORDER_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(("trailing stop loss", "trailing stop", "trailing-stop", "추적손절", "추적 손절", "트레일링스탑", "트레일링 스탑"), "trail"),
    **dict.fromkeys(("stop loss", "stop-loss", "stoploss", "손절매", "손절", "스탑로스", "스탑"), "stop"),
    **dict.fromkeys(("take profit", "take-profit", "profit target", "익절매", "익절", "목표가"), "take"),
    **dict.fromkeys(("max hold", "maximum hold", "최대보유", "최대 보유"), "max_hold"),
    **dict.fromkeys(("volatility target", "vol target", "변동성 목표"), "voltarget"),
    **dict.fromkeys(("trend filter", "추세 필터", "추세필터"), "trend"),
}  # fmt: skip

#: Settings that take a number, by the option that they set.
SETTING_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(("random seed", "seed", "시드"), "seed"),
    **dict.fromkeys(("folds", "walk-forward folds", "폴드"), "folds"),
    **dict.fromkeys(("holdout", "hold-out", "hold out", "홀드아웃"), "holdout"),
    **dict.fromkeys(("commissions", "commission", "costs", "cost", "fees", "fee", "수수료"), "cost"),
    **dict.fromkeys(("slippage", "슬리피지"), "slippage"),
    **dict.fromkeys(("transaction tax", "tax", "거래세", "세금"), "tax"),
    **dict.fromkeys(("starting capital", "initial capital", "capital", "account of", "자본금", "자본", "투자금"), "capital"),
    **dict.fromkeys(("risk-free rate", "risk free rate", "rf", "무위험 이자율"), "rf"),
    **dict.fromkeys(("minimum trades", "min trades", "최소거래", "최소 거래"), "min_trades"),
    **dict.fromkeys(("years", "연수"), "years"),
    **dict.fromkeys(
        (
            "number of trials", "n_trials", "num trials", "trials", "tries", "sets", "iterations", "n", "시도",
            "횟수", "반복",
        ),
        "trials",
    ),
}  # fmt: skip

#: Phrases that are a word of the grammar.
WORD_PHRASES: Mapping[str, str] = {
    **dict.fromkeys(
        ("long only", "long-only", "only long", "longs only", "no shorts", "no short", "no shorting",
         "without shorts", "without short selling", "without shorting", "롱만", "롱온리", "매수만", "공매도 없이",
         "공매도없이", "공매도 제외", "공매도 빼고"),
        "short=no",
    ),
    **dict.fromkeys(
        ("long and short", "long & short", "long/short", "long-short", "both sides", "allow shorts", "allow short",
         "allow shorting", "with shorts", "with short", "with shorting", "with short selling", "short selling", "공매도 포함",
         "공매도 허용", "공매도포함", "공매도", "롱숏", "양방향"),
        "short=yes",
    ),
    **dict.fromkeys(
        ("dry run of", "dry run", "dry-run", "dryrun", "dry", "preview of", "preview", "plan only", "미리보기", "계획만"),
        "dry",
    ),
    **dict.fromkeys(("quietly", "quiet", "조용히"), "quiet"),
    **dict.fromkeys(("privately", "private", "in private", "비공개", "나만 보게"), "private"),
    **dict.fromkeys(("force", "강제"), "force"),
    **dict.fromkeys(("whole shares", "whole", "정수 주"), "whole"),
    **dict.fromkeys(
        ("one set for all", "same parameters for all", "same set for all", "one parameter set", "shared", "공통 파라미터로",
         "공통으로"),
        "mode=shared",
    ),
    **dict.fromkeys(("no holdout", "without holdout", "홀드아웃 없이"), "holdout=0"),
    **dict.fromkeys(("no folds", "without folds", "폴드 없이"), "folds=0"),
    **dict.fromkeys(("no costs", "no cost", "no commission", "no fees", "without costs", "without fees", "수수료 없이"), "cost=0"),
    **dict.fromkeys(("no slippage", "without slippage", "슬리피지 없이"), "slippage=0"),
    **dict.fromkeys(("last decade", "past decade"), "years=10"),
    **dict.fromkeys(("random search", "random sampler"), "sampler=random"),
    **dict.fromkeys(("grid search", "grid sampler"), "sampler=grid"),
}  # fmt: skip

#: Words that say nothing about a study. None of them denies, conditions or asks.
FILLS = (
    "please", "pls", "plz", "kindly", "thanks", "thank you", "thx", "hi there", "hi", "hey", "hello", "ok", "okay", "so",
    "can you", "could you", "would you", "will you", "can we", "could we", "i want to", "i want you to", "i'd like to",
    "i would like to", "i would like", "i'd like", "i want", "i need", "let's", "lets", "let us", "just", "now", "also",
    "go ahead and", "optimize-bot", "bot", "me", "us",
    "optimize", "optimise", "optimizing", "optimization", "optimisation", "optimization of", "backtest", "back-test",
    "backtesting", "back test", "test", "testing", "run", "rerun", "start", "try", "try out", "do", "make", "launch",
    "begin", "kick off", "search", "tune", "study", "a study", "new study", "studies", "an optimization", "find", "with", "using", "use", "used", "via", "by", "on", "of", "for", "in", "at", "to", "the", "a", "an", "its",
    "it", "my", "this", "some", "over", "during", "including", "as", "and then",
    "strategy", "strategies", "strat", "rule", "indicator", "parameters", "parameter", "params", "param", "settings",
    "values", "setting", "stock", "stocks", "share", "shares", "symbol", "symbols", "ticker", "tickers", "equity",
    "bars", "target", "goal", "goals", "objective", "timeframe",
    "time frame", "crossover", "cross", "max", "maximum", 
    "최적화", "백테스트", "백테스팅", "테스트", "실행", "시작", "탐색", "검증", "전략", "종목", "주식", "파라미터", "지표", "기준",
    "목표", "최대화", "한번", "한 번", "좀", "그냥", "바로", "지금", "사용해서", "사용하여", "사용", "이용해서", "이용해",
    "써서", "가지고", "기간은", "동안", "정도", "찾아줘", "찾아 줘", "찾아주세요", "구해줘", "으로", "로", "에", "을", "를", "안녕", "안녕하세요", "고마워", "감사합니다", "해서", "하고", "이거", "이걸",
    "포함", "매매전략", "만", "간", "전략을", "조합", "새로", "같이", "함께", "것",
)  # fmt: skip

#: Indicators that are no strategy here and look like symbols.
INDICATORS = frozenset(
    "OBV ATR ADX CCI MFI VWAP KAMA WMA DMI SAR PSAR TSI KDJ DCA HMA TEMA DEMA AROON TRIX ICHIMOKU VWMA CMF PPO UO AO".split()
)
#: Symbols that are also words: in lower case they are words.
WORDLIKE = frozenset(
    "ALL NOW LOW COST CAT DASH COIN ARM SPOT SNAP SHOP SNOW DOW HOOD RACE VALE ON SO MO DE GE GM MA MS BA HD CL EL GIS "
    "MAR LIN PM F C D K O T V X".split()
)
#: Second currencies of a pair.
CURRENCIES = frozenset("USDT USDC BUSD USD EUR KRW GBP JPY CHF BTC ETH".split())
EXCHANGES: Mapping[str, str] = {
    **dict.fromkeys(("nasdaq", "nyse", "amex", "arca", "nysearca", "otc", "binance", "upbit", "coinbase"), ""),
    **dict.fromkeys(("krx", "kospi", "kse", "ks"), ".KS"),
    **dict.fromkeys(("kosdaq", "kq"), ".KQ"),
}
