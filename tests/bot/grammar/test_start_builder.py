"""Commands that start studies: what each word means, and what happens to a wrong one."""

from datetime import date

import pytest

from bot.grammar.commands import Mode, Start
from bot.grammar.errors import (
    EndsBeforeItStarts,
    MissingStart,
    MissingStrategy,
    MissingValue,
    NobodyToShareWith,
    NotADate,
    NotARange,
    NotASymbol,
    NotAWord,
    NothingToReenter,
    NotWhole,
    NotYesOrNo,
    OneStrategy,
    PercentOutOfRange,
    Repeated,
    SymbolFirst,
    SymbolIsVerb,
    TextTooLong,
    TwoBeginnings,
    UnitMissing,
    UnknownOption,
    UnknownVerb,
)
from bot.grammar.formatting import command_text, start_text
from bot.grammar.options import FLAGS, OPTIONS, Flag, Option
from bot.grammar.parsing import parse
from optimizer.domain.study_request import Cap, Costs, Narrowed, SamplerKind, StudySpec
from optimizer.errors import (
    EmptySpace,
    NotANumber,
    OutOfRange,
    UnknownGoal,
    UnknownParameter,
    UnknownSampler,
    UnknownStrategy,
    UserError,
    WrongChoice,
)
from optimizer.strategies.registry import OVERLAYS, STRATEGIES, Strategy
from tests.refused import worded


def started(text: str) -> Start:
    command = parse(text)
    assert isinstance(command, Start)
    return command


def spec_of(text: str) -> StudySpec:
    (spec,) = started(text).specs
    return spec


def refused(text: str) -> UserError:
    with pytest.raises(UserError) as caught:
        parse(text)
    return caught.value


def test_three_words_start_a_study() -> None:
    assert started("AAPL RSI 200") == Start(specs=(StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=200),))


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.key)
def test_every_key_and_alias_names_its_strategy(strategy: Strategy) -> None:
    for word in (strategy.key, strategy.key.upper(), *strategy.aliases):
        assert spec_of(f"AAPL {word}").strategy_name == strategy.key


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("", {}),
        ("500", {"n_trials": 500}),
        ("1,000", {"n_trials": 1000}),
        ("trials=10000", {"n_trials": 10_000}),
        ("goal=sortino", {"goals": ("sortino",)}),
        ("goal=Sharpe,MaxDD", {"goals": ("sharpe", "maxdd")}),
        ("from=2015-01-31", {"start": date(2015, 1, 31)}),
        ("from=2015", {"start": date(2015, 1, 1)}),
        ("to=2020", {"end": date(2020, 12, 31)}),
        ("to=2020-02", {"end": date(2020, 2, 29)}),
        ("years=5", {"years": 5}),
        ("holdout=20", {"holdout": 0.2}),
        ("holdout=20%", {"holdout": 0.2}),
        ("holdout=0.5%", {"holdout": 0.005}),
        ("holdout=0", {"holdout": 0.0}),
        ("folds=0", {"folds": 0}),
        ("cost=0", {"costs": Costs(commission_bps=0)}),
        ("cost=0.1% slippage=0.05%", {"costs": Costs(commission_bps=10, slippage_bps=5)}),
        ("cost=10bps slippage=2.5bp", {"costs": Costs(commission_bps=10, slippage_bps=2.5)}),
        ("cost=1% slippage=0.3bps", {"costs": Costs(commission_bps=100, slippage_bps=0.3)}),
        ("cost=1,000 slippage=0.5", {"costs": Costs(commission_bps=1000, slippage_bps=0.5)}),
        ("holdout=0.2", {"holdout": 0.2}),
        ("maxdd<-25", {"caps": (Cap(goal="maxdd", is_upper=True, bound=0.25),)}),
        ("maxdd>-25", {"caps": (Cap(goal="maxdd", is_upper=True, bound=0.25),)}),
        ("maxdd<0.25", {"caps": (Cap(goal="maxdd", is_upper=True, bound=0.25),)}),
        ("maxdd<25%", {"caps": (Cap(goal="maxdd", is_upper=True, bound=0.25),)}),
        ("winrate>0.6", {"caps": (Cap(goal="winrate", is_upper=False, bound=0.6),)}),
        ("stop=0.08", {"narrowed": (Narrowed(name="stop", low=8, high=8),), "overlays": ("stop",)}),
        ("stop=8%", {"narrowed": (Narrowed(name="stop", low=8, high=8),), "overlays": ("stop",)}),
        ("cost=2.5 slippage=1", {"costs": Costs(commission_bps=2.5, slippage_bps=1)}),
        ("tax=20", {"costs": Costs(tax_bps=20)}),
        ("fees=KRX", {"costs": Costs(commission_bps=1.5, slippage_bps=5, tax_bps=20)}),
        ("fees=none", {"costs": Costs(commission_bps=0, slippage_bps=0)}),
        ("short=yes", {"allow_short": True}),
        ("short=no", {}),
        ("short", {"allow_short": True}),
        ("stop reenter=signal", {"overlays": ("stop",), "reenter": "signal"}),
        ("take reentry=Signal", {"overlays": ("take",), "reenter": "signal"}),
        ("reenter=fresh", {"reenter": "fresh"}),
        ("min_trades=10", {"min_trades": 10}),
        ("sampler=optuna", {"sampler": SamplerKind.OPTUNA}),
        ("seed=2147483647", {"seed": 2**31 - 1}),
        ("source=Yahoo", {"source": "yahoo"}),
        ("timeframe=1h", {"timeframe": "1h"}),
        ("force", {"force": True}),
        ("maxdd<20", {"caps": (Cap(goal="maxdd", is_upper=True, bound=0.2),)}),
        ("trades>1,000", {"caps": (Cap(goal="trades", is_upper=False, bound=1000),)}),
        ("sharpe>0.5", {"caps": (Cap(goal="sharpe", is_upper=False, bound=0.5),)}),
        (
            "winrate>55 maxdd<7",
            {
                "caps": (
                    Cap(goal="maxdd", is_upper=True, bound=0.07),
                    Cap(goal="winrate", is_upper=False, bound=0.55),
                )
            },
        ),
        ("period=14", {"narrowed": (Narrowed(name="period", low=14, high=14),)}),
        ("rsi_period=10..20:2", {"narrowed": (Narrowed(name="period", low=10, high=20, step=2),)}),
        ("PERIOD=10~20", {"narrowed": (Narrowed(name="period", low=10, high=20),)}),
        ("stop", {"overlays": ("stop",)}),
        ("stop=8", {"overlays": ("stop",), "narrowed": (Narrowed(name="stop", low=8, high=8),)}),
        (
            "take trail=5..10 stop",
            {"overlays": ("stop", "take", "trail"), "narrowed": (Narrowed(name="trail", low=5, high=10),)},
        ),
    ],
)
def test_a_word_changes_what_it_names_and_nothing_else(words: str, fields: dict[str, object]) -> None:
    assert spec_of(f"AAPL RSI {words}") == StudySpec.model_validate(
        {"symbol": "AAPL", "strategy_name": "rsi", **fields}
    )


def test_the_order_of_words_after_the_second_is_free() -> None:
    assert spec_of("AAPL RSI stop=5 200 period=14 take") == spec_of("AAPL rsi take period=14 200 stop=5")


def test_an_alias_may_stand_before_a_parameter() -> None:
    assert spec_of("AAPL bb bb_width=1.5..2.5 bollinger_period=20") == spec_of("AAPL bb period=20 width=1.5..2.5")


def test_mode_is_a_parameter_unless_its_value_is_each_or_shared() -> None:
    command = started("AAPL,MSFT bollinger mode=break mode=shared")

    assert command.mode is Mode.SHARED
    assert command.specs[0].narrowed == (Narrowed(name="mode", choices=("break",)),)
    assert refused("AAPL,MSFT rsi mode=break").facts["choices"] == "each, shared"
    assert refused("AAPL bollinger mode=brake").facts["choices"] == "revert, break"


def test_trend_is_the_parameter_of_a_strategy_that_has_one() -> None:
    assert spec_of("AAPL rsi2 trend=200").narrowed == (Narrowed(name="trend", low=200, high=200),)
    assert spec_of("AAPL rsi2 trend=200").overlays == ()
    assert isinstance(refused("AAPL rsi2 trend"), MissingValue)
    assert spec_of("AAPL rsi trend").overlays == ("trend",)


@pytest.mark.parametrize("word", ["dry", "-dry", "--dry", "—dry", "DRY", "미리보기"])
def test_dry_is_a_flag_however_it_is_dashed(word: str) -> None:
    assert started(f"AAPL RSI {word}").is_dry


def test_flags_and_texts_belong_to_the_start() -> None:
    command = started("AAPL RSI quiet private name=spring note='split on the 9th, see <#C1>'")

    assert command.is_quiet
    assert command.is_private
    assert command.name == "spring"
    assert command.note == "split on the 9th, see <#C1>"
    assert command.specs == started("AAPL RSI").specs


@pytest.mark.parametrize(
    ("typed", "symbols"),
    [
        ("aapl", ("AAPL",)),
        ("$AAPL", ("AAPL",)),
        ("005930.KS", ("005930.KS",)),
        ("^GSPC", ("^GSPC",)),
        ("BRK-B", ("BRK-B",)),
        ("EURUSD=X", ("EURUSD=X",)),
        ("aapl,msft,005930.ks", ("AAPL", "MSFT", "005930.KS")),
        ("@Tech", ("@tech",)),
        ("@tech,AAPL", ("@tech", "AAPL")),
        ("btc/usdt,ETH-BTC", ("BTC-USDT", "ETH-BTC")),
    ],
)
def test_symbols_are_read_in_upper_case(typed: str, symbols: tuple[str, ...]) -> None:
    assert started(f"{typed} RSI").symbols == symbols


def test_a_watch_list_becomes_its_members_once_each() -> None:
    command = started("AAPL,@tech RSI 50")

    assert command.watchlists == ("tech",)
    assert [spec.symbol for spec in command.over({"tech": ["MSFT", "AAPL", "IBM"]})] == ["AAPL", "MSFT", "IBM"]
    assert {spec.n_trials for spec in command.over({"tech": ["MSFT"]})} == {50}


@pytest.mark.parametrize(
    "typed",
    [
        *("../etc/passwd", "A..B", "a/b", "a\\b", "AAPL;DROP", "'OR'1", "%00", "삼성전자", "-A", ".", "^"),
        *("@", "@a/b", "@tech;"),
        "A" * 21,
    ],
)
def test_what_is_no_symbol_is_refused(typed: str) -> None:
    assert isinstance(refused(f"{typed} RSI 200"), NotASymbol | UnknownVerb)


@pytest.mark.parametrize(
    ("typed", "kind", "corrected"),
    [
        ("start", MissingStart, ""),
        ("AAPL", MissingStrategy, "AAPL rsi"),
        ("AAPL 200 dry", MissingStrategy, "AAPL rsi 200 dry"),
        ("AAPL goal=sharpe", MissingStrategy, "AAPL rsi goal=sharpe"),
        ("RSI AAPL 200", SymbolFirst, "AAPL RSI 200"),
        ("AAPL RSII 200", UnknownStrategy, "AAPL rsi 200"),
        ("AAPL bolinger", UnknownStrategy, "AAPL bollinger"),
        ("AAPL RSI,MACD 200", OneStrategy, ""),
        ("AAPL RSI,200", OneStrategy, "AAPL RSI 200"),
        ("AAPL,AAPL RSI", Repeated, "AAPL RSI"),
        ("BTC:USD RSI", NotASymbol, "BTC-USD RSI"),
        ("AAPL, RSI 200", MissingStrategy, "AAPL RSI 200"),
        ("AAPL RSI 0", OutOfRange, "AAPL RSI 1"),
        ("AAPL RSI -5", OutOfRange, "AAPL RSI 1"),
        ("AAPL RSI 10001", OutOfRange, "AAPL RSI 10000"),
        ("AAPL RSI 2.5", NotWhole, "AAPL RSI 3"),
        ("AAPL RSI 1,00", NotANumber, ""),
        ("AAPL RSI 200 300", Repeated, "AAPL RSI 200"),
        ("AAPL RSI 200 trials=300", Repeated, "AAPL RSI 200"),
        ("AAPL RSI dry dry", Repeated, "AAPL RSI dry"),
        ("AAPL RSI stop stop=5", Repeated, "AAPL RSI stop"),
        ("AAPL RSI period=14 rsi_period=15", Repeated, "AAPL RSI period=14"),
        ("AAPL RSI maxdd<20 maxdd<30", Repeated, "AAPL RSI maxdd<20"),
        ("AAPL RSI goal=sharpe,sharpe", Repeated, ""),
        ("AAPL RSI goal=sharp", UnknownGoal, "AAPL RSI goal=sharpe"),
        ("AAPL RSI goal=sharpe,sortino,calmar", OutOfRange, "AAPL RSI goal=sharpe,sortino"),
        ("AAPL RSI tardes>30", UnknownGoal, "AAPL RSI trades>30"),
        ("AAPL RSI maxdd<=20", UnknownOption, "AAPL RSI maxdd<20"),
        ("AAPL RSI maxdd<120", PercentOutOfRange, "AAPL RSI maxdd<100"),
        ("AAPL RSI maxdd<", MissingValue, ""),
        ("AAPL RSI return>0.2", PercentOutOfRange, "AAPL RSI return>20"),
        ("AAPL RSI cost=0.1", UnitMissing, "AAPL RSI cost=0.1%"),
        ("AAPL RSI cost=0.001", UnitMissing, "AAPL RSI cost=0.001%"),
        ("AAPL RSI slippage=0.05", UnitMissing, "AAPL RSI slippage=0.05%"),
        ("AAPL RSI cost=11%", OutOfRange, "AAPL RSI cost=10%"),
        ("AAPL RSI cost=10points", NotANumber, ""),
        ("AAPL RSI holdout=60", PercentOutOfRange, "AAPL RSI holdout=50"),
        ("AAPL RSI gaol=sharp oversod=25", UnknownParameter, "AAPL RSI goal=sharpe oversold=25"),
        ("AAPL RSI stp", UnknownOption, "AAPL RSI stop"),
        ("AAPL RSI quite", UnknownOption, "AAPL RSI quiet"),
        ("AAPL RSI goal", MissingValue, ""),
        ("AAPL RSI goal=", MissingValue, ""),
        ("AAPL RSI period", MissingValue, ""),
        ("AAPL RSI period=", MissingValue, ""),
        ("AAPL RSI period=5", OutOfRange, "AAPL RSI period=10"),
        ("AAPL RSI period=5..40", OutOfRange, "AAPL RSI period=10..30"),
        ("AAPL RSI period=20..10", EmptySpace, ""),
        ("AAPL RSI period=14.5", NotANumber, ""),
        ("AAPL RSI period=10-20", NotARange, "AAPL RSI period=10..20"),
        ("AAPL RSI period=10–20", NotARange, "AAPL RSI period=10..20"),
        ("AAPL RSI period=ten", NotARange, ""),
        ("AAPL RSI period=10|20", NotARange, ""),
        ("AAPL RSI stop=1", OutOfRange, "AAPL RSI stop=2"),
        ("AAPL sma fast=50 slow=20", EmptySpace, ""),
        ("AAPL bb mode=up", WrongChoice, ""),
        ("AAPL RSI mode=shared", NobodyToShareWith, "AAPL RSI"),
        ("AAPL RSI trend reenter=signal", NothingToReenter, "AAPL RSI trend"),
        ("AAPL RSI stop reenter=never", WrongChoice, ""),
        ("AAPL RSI stop reenter", MissingValue, ""),
        ("AAPL RSI from=2015 years=5", TwoBeginnings, "AAPL RSI from=2015"),
        ("AAPL RSI from=2020 to=2015", EndsBeforeItStarts, ""),
        ("AAPL RSI from=01/02/2015", NotADate, ""),
        ("AAPL RSI from=2015-02-30", NotADate, ""),
        ("AAPL RSI from=0000", NotADate, ""),
        ("AAPL RSI years=1", OutOfRange, "AAPL RSI years=2"),
        ("AAPL RSI seed=-1", OutOfRange, "AAPL RSI seed=0"),
        ("AAPL RSI cost=abc", NotANumber, ""),
        ("AAPL RSI cost=nan", NotANumber, ""),
        ("AAPL RSI cost=1e3", NotANumber, ""),
        ("AAPL RSI short=maybe", NotYesOrNo, ""),
        ("AAPL RSI sampler=tpee", UnknownSampler, "AAPL RSI sampler=tpe"),
        ("AAPL RSI source=../x", NotAWord, ""),
        (f"AAPL RSI name={'x' * 61}", TextTooLong, ""),
        ("AAPL RSI MSFT", UnknownOption, ""),
        ("AAPL RSI <!channel>", UnknownOption, ""),
        ("AAPL RSI 200²", UnknownOption, ""),
        ("AAPL RSI ٢٠٠", UnknownOption, ""),
        ("RUN RSI 200", SymbolIsVerb, "start RUN RSI 200"),
        ("DATA RSI 200", SymbolIsVerb, "start DATA RSI 200"),
        ("hlep", UnknownVerb, "help"),
        ("stauts opt-7f3a", UnknownVerb, "status opt-7f3a"),
    ],
)
def test_a_wrong_word_starts_nothing_and_is_corrected(typed: str, kind: type[UserError], corrected: str) -> None:
    error = refused(typed)

    assert type(error) is kind
    assert error.command == (f"/optimize {corrected}" if corrected else "")
    assert "{" not in str(error)


def test_a_refusal_names_the_wrong_word_and_the_nearest_right_one() -> None:
    error = refused("AAPL RSI 200 gaol=sharpe")

    assert worded(error) == "There is no parameter or option called `gaol`. Did you mean `goal`?"
    assert error.facts["word"] == "gaol"
    assert error.facts["nearest"] == "goal"


def test_the_correction_wears_the_prefix_of_the_place_it_was_typed_in() -> None:
    with pytest.raises(UnknownStrategy) as caught:
        parse("AAPL RSII 200", prefix="@optimizer")

    assert caught.value.command == "@optimizer AAPL rsi 200"


def test_a_correction_keeps_quotes() -> None:
    assert refused("AAPL RSII note='a  b' name=x").command == '/optimize AAPL rsi note="a  b" name=x'


def test_facts_about_noise_are_short() -> None:
    for noise in ("x" * 1900, "x=" * 900, "<" * 1900, "AAPL RSI " + "y" * 1900, "AAPL RSI goal=" + "z" * 1900):
        assert all(len(str(fact)) <= 401 for fact in refused(noise).facts.values())
    assert len(str(refused("Z" * 10_000))) < 200


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda o: o.key)
def test_every_option_reads_its_own_example(option: Option) -> None:
    # What means nothing alone: without an overlay that closes, and without the size of the account.
    beside = {"reenter": "stop ", "per_share": "capital=5000 ", "min_fee": "capital=5000 "}
    started(f"AAPL,MSFT RSI {beside.get(option.key, '')}{option.example}")


@pytest.mark.parametrize("flag", FLAGS.values(), ids=lambda f: f.key)
def test_every_flag_changes_something(flag: Flag) -> None:
    plain = "AAPL RSI capital=5000"
    for word in (flag.key, *flag.aliases):
        assert started(f"{plain} {word}") != started(plain)


def test_no_word_means_two_options() -> None:
    words = [word for table in (OPTIONS, FLAGS) for entry in table.values() for word in (entry.key, *entry.aliases)]
    flags_that_are_keys = {"short"}

    assert sorted(words) == sorted([*set(words), *flags_that_are_keys])


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda s: s.key)
def test_no_option_hides_a_parameter(strategy: Strategy) -> None:
    hidden = set(strategy.parameter_names) & {*OPTIONS, *FLAGS}

    assert hidden <= {"mode"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_can_be_turned_on(overlay: str) -> None:
    assert spec_of(f"AAPL RSI {overlay}").overlays == (overlay,)


@pytest.mark.parametrize(
    "text",
    [
        "/optimize AAPL rsi 200",
        "/optimize start RUN rsi 200",
        "/optimize AAPL rsi 500 goal=sharpe,maxdd maxdd<7 trades>30 period=10..20:2 stop=8 take",
        "/optimize AAPL bollinger 200 width=1.5..2.5 mode=break",
        "/optimize AAPL rsi 200 from=2015-01-01 to=2020-12-31 holdout=20 folds=0",
        "/optimize AAPL rsi 200 years=5 holdout=0.5% cost=0 slippage=2.5 min_trades=0 short=yes",
        "/optimize AAPL rsi 200 sampler=random seed=1 source=yahoo timeframe=1h force",
        "/optimize AAPL momentum 200 leave=-10..-2",
    ],
)
def test_a_study_is_printed_as_the_command_that_starts_it(text: str) -> None:
    assert command_text(spec_of(text)) == text


def test_a_start_is_printed_with_all_its_symbols_and_flags() -> None:
    text = '/optimize AAPL,@tech rsi 200 mode=shared dry quiet private name=a note="b c = d"'

    assert start_text(started(text)) == text


@pytest.mark.parametrize("typed", ["binance", "table:prices", "Table:Prices", "alphavantage", "my-desk"])
def test_a_source_is_read_in_small_letters(typed: str) -> None:
    assert started(f"AAPL RSI 200 source={typed}").specs[0].source == typed.lower()


@pytest.mark.parametrize("typed", ["table:", "table:a:b", "other:prices", "a/b", "table:Prices;"])
def test_what_is_no_name_of_a_source_is_refused(typed: str) -> None:
    assert isinstance(refused(f"AAPL RSI 200 source={typed}"), NotAWord)


@pytest.mark.parametrize(
    ("typed", "parts", "written"),
    [
        ("cash:40,SPY:60", [("SPY", 0.6)], "SPY:60,cash:40"),
        ("spy:50,AGG:30,CASH:20", [("SPY", 0.5), ("AGG", 0.3)], "SPY:50,AGG:30,cash:20"),
        ("cash:100", [], "cash"),
        ("SPY:100", [("SPY", 1.0)], "SPY"),
    ],
)
def test_cash_in_a_benchmark_is_no_symbol(typed: str, parts: list[tuple[str, float]], written: str) -> None:
    start = parse(f"AAPL RSI benchmark={typed}")

    assert isinstance(start, Start)
    assert [(part.symbol, part.weight) for part in start.specs[0].benchmark or ()] == parts
    assert f"benchmark={written}" in start_text(start)
    assert parse(start_text(start).removeprefix("/optimize ")) == start
