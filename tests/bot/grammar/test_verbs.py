"""Every verb: its words, its arguments, its place in the table, and the thread that implies a study."""

import pickle

import pytest

from bot.grammar import commands
from bot.grammar import errors as grammar_errors
from bot.grammar.errors import (
    CommandError,
    MissingSchedule,
    MissingStart,
    MissingStudy,
    MissingSymbolAndStrategy,
    MissingTwoStudies,
    NotASchedule,
    NotAStudy,
    NotASymbol,
    NotWhole,
    OneTooMany,
    TextTooLong,
    UnknownOption,
    UnknownSetting,
    UnknownTopic,
    UnknownVerb,
)
from bot.grammar.parsing import parse
from bot.grammar.verb_parsers import READERS
from bot.grammar.verbs import SHARED, VERB_WORDS, VERBS, Takes, Verb, verb_of
from bot.role import Role
from optimizer.errors import OutOfRange, UnknownStrategy, UserError, WrongChoice

THREAD = "opt-c0ffee"


def outcome(text: str) -> commands.Command | type[UserError]:
    try:
        return parse(text)
    except UserError as error:
        return type(error)


def refused(text: str, study: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        parse(text, study=study)
    return caught.value


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", commands.OpenModal()),
        ("  \u200b ", commands.OpenModal()),
        ("<@U0123>", commands.OpenModal()),
        ("help", commands.Help()),
        ("?", commands.Help()),
        ("forecast opt-c0ffee", commands.ShowForecast("opt-c0ffee")),
        ("forecast opt-c0ffee bars=21", commands.ShowForecast("opt-c0ffee", 21)),
        ("전망 opt-c0ffee", commands.ShowForecast("opt-c0ffee")),
        ("forecast champions", commands.ForecastChampions()),
        ("forecast 챔피언 bars=126", commands.ForecastChampions(126)),
        ("forecasts", commands.ListForecasts()),
        ("forecasts aapl", commands.ListForecasts("AAPL")),
        ("도움말", commands.Help()),
        ("help rsi", commands.Help("rsi", commands.Topic.STRATEGY)),
        ("help BB", commands.Help("bollinger", commands.Topic.STRATEGY)),
        ("help 일정", commands.Help("schedule", commands.Topic.VERB)),
        ("help sharpe", commands.Help("sharpe", commands.Topic.GOAL)),
        ("help stop", commands.Help("stop", commands.Topic.OVERLAY)),
        ("help commission", commands.Help("cost", commands.Topic.OPTION)),
        ("help dry", commands.Help("dry", commands.Topic.OPTION)),
        ("help pbo", commands.Help("pbo", commands.Topic.TERM)),
        ("help deflated sharpe", commands.Help("deflated sharpe", commands.Topic.TERM)),
        ("help unproven", commands.Help("unproven", commands.Topic.TERM)),
        ("help 표본 외", commands.Help("out of sample", commands.Topic.TERM)),
        ("help goals", commands.Help("goals", commands.Topic.SUBJECT)),
        ("strategies", commands.ListStrategies()),
        ("전략", commands.ListStrategies()),
        ("whoami", commands.WhoAmI()),
        ("status", commands.Status()),
        ("STATUS opt-7F3A", commands.Status("opt-7f3a")),
        ("status 7f", commands.Status("opt-7f")),
        ("상태 7f", commands.Status("opt-7f")),
        ("list", commands.ListStudies(commands.Which.MINE)),
        ("list Running", commands.ListStudies(commands.Which.RUNNING)),
        ("목록 전체", commands.ListStudies(commands.Which.ALL)),
        ("show 7f3a", commands.Show("opt-7f3a")),
        ("top", commands.Top()),
        ("top aapl", commands.Top(symbol="AAPL")),
        ("top connors aapl all", commands.Top(symbol="AAPL", strategy="rsi2", include_unproven=True)),
        ("top rsi", commands.Top(strategy="rsi")),
        ("top rsi rsi", commands.Top(strategy="rsi", symbol="RSI")),
        ("compare 7f3a opt-8b", commands.Compare("opt-7f3a", "opt-8b")),
        ("비교 7f 8b", commands.Compare("opt-7f", "opt-8b")),
        ("best aapl BB", commands.Best("AAPL", "bollinger")),
        ("cancel 7f", commands.Cancel("opt-7f")),
        ("취소 7f", commands.Cancel("opt-7f")),
        ("pause 7f", commands.Pause("opt-7f")),
        ("일시정지 7f", commands.Pause("opt-7f")),
        ("resume 7f", commands.Resume("opt-7f")),
        ("재개 7f", commands.Resume("opt-7f")),
        ("more 7f", commands.More("opt-7f", 100)),
        ("more 7f 1,000", commands.More("opt-7f", 1000)),
        ("more 100", commands.More("opt-100", 100)),
        ("replay 7f", commands.Replay("opt-7f")),
        ("export 7f", commands.Export("opt-7f", commands.ExportFormat.CSV)),
        ("export 7f HTML", commands.Export("opt-7f", commands.ExportFormat.HTML)),
        ("내보내기 7f json", commands.Export("opt-7f", commands.ExportFormat.JSON)),
        ("export 7f pine", commands.Export("opt-7f", commands.ExportFormat.PINE)),
        ("export 7f trades", commands.Export("opt-7f", commands.ExportFormat.TRADES)),
        (
            "export 7f Positions PARQUET",
            commands.Export("opt-7f", commands.ExportFormat.POSITIONS, commands.TableFile.PARQUET),
        ),
        ("adopt 7f", commands.Adopt("opt-7f")),
        ("채택 7f why='held up in 2020'", commands.Adopt("opt-7f", "held up in 2020")),
        ("schedules", commands.ListSchedules()),
        ("unschedule SCH-2B", commands.Unschedule("sch-2b")),
        ("unschedule 2b", commands.Unschedule("sch-2b")),
        ("run 2b", commands.RunSchedule("sch-2b")),
        ("data", commands.ShowData()),
        ("data 005930.ks", commands.ShowData("005930.KS")),
        ("data aapl timeframe=1h", commands.ShowData("AAPL", timeframe="1h")),
        ("data aapl source=yahoo timeframe=1H", commands.ShowData("AAPL", timeframe="1h", source="yahoo")),
        ("데이터 aapl", commands.ShowData("AAPL")),
        ("data aapl changes", commands.ShowChanges("AAPL")),
        ("data aapl timeframe=1h Changes source=yahoo", commands.ShowChanges("AAPL", timeframe="1h", source="yahoo")),
        ("데이터 aapl 변경", commands.ShowChanges("AAPL")),
        ("health", commands.Health()),
        ("건강", commands.Health()),
        ("failures", commands.Failures()),
        ("config", commands.Config()),
        ("config language", commands.Config("language")),
        ("config language KO", commands.Config("language", "ko")),
        ("config broadcast=yes", commands.Config("broadcast", "yes")),
        ("config detail full", commands.Config("detail", "full")),
        ("config blocks ask", commands.Config("blocks", "ask")),
        ("config @Tech", commands.Config("@tech")),
        ("config @tech aapl, msft, aapl", commands.Config("@tech", "AAPL,MSFT")),
        ("config @tech=aapl", commands.Config("@tech", "AAPL")),
        ("config @tech +aapl", commands.Config("@tech", added=("AAPL",))),
        (
            "config @tech +aapl,msft -ibm +brk.b",
            commands.Config("@tech", added=("AAPL", "MSFT", "BRK.B"), removed=("IBM",)),
        ),
        ("config @tech +,-ibm", commands.Config("@tech", removed=("IBM",))),
        ("설정 @tech -ibm,-goog", commands.Config("@tech", removed=("IBM", "GOOG"))),
        ("config @tech=", commands.Config("@tech", "")),
        ("audit", commands.Audit(20)),
        ("audit 50", commands.Audit(50)),
        ("web", commands.OpenWeb()),
    ],
)
def test_a_command_is_read(text: str, command: commands.Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("status", commands.Status(THREAD)),
        ("status 7f", commands.Status("opt-7f")),
        ("show", commands.Show(THREAD)),
        ("cancel", commands.Cancel(THREAD)),
        ("취소", commands.Cancel(THREAD)),
        ("more", commands.More(THREAD, 100)),
        ("more 50", commands.More(THREAD, 50)),
        ("more 7f 50", commands.More("opt-7f", 50)),
        ("more opt-50", commands.More("opt-50", 100)),
        ("compare 7f", commands.Compare(THREAD, "opt-7f")),
        ("compare 7f 8b", commands.Compare("opt-7f", "opt-8b")),
        ("export json", commands.Export(THREAD, commands.ExportFormat.JSON)),
        ("export trades parquet", commands.Export(THREAD, commands.ExportFormat.TRADES, commands.TableFile.PARQUET)),
        ("export 7f json", commands.Export("opt-7f", commands.ExportFormat.JSON)),
        ("adopt why=plateau", commands.Adopt(THREAD, "plateau")),
        ("list", commands.ListStudies()),
        ("forecast", commands.ShowForecast(THREAD)),
        ("forecast bars=21", commands.ShowForecast(THREAD, 21)),
        ("forecast champions", commands.ForecastChampions()),
        ("", commands.OpenModal()),
    ],
)
def test_in_a_studys_thread_its_id_is_implied(text: str, command: commands.Command) -> None:
    assert parse(text, study=THREAD) == command


@pytest.mark.parametrize(
    ("text", "kind", "corrected"),
    [
        ("cancel", MissingStudy, ""),
        ("cancel sch-2b", NotAStudy, ""),
        ("cancel 7f now", OneTooMany, "cancel 7f"),
        ("health now please", OneTooMany, "health"),
        ("status 7f 8b", OneTooMany, "status 7f"),
        ("list yours", UnknownOption, ""),
        ("list runing", UnknownOption, "list running"),
        ("top AAPL MSFT", OneTooMany, "top AAPL"),
        ("top a/b", NotASymbol, "top A-B"),
        ("compare 7f", MissingTwoStudies, ""),
        ("compare 7f sch-2b", NotAStudy, ""),
        ("best AAPL", MissingSymbolAndStrategy, ""),
        ("best AAPL macdd", UnknownStrategy, "best AAPL macd"),
        ("more 7f 0", OutOfRange, "more 7f 1"),
        ("more 7f 2.4", NotWhole, "more 7f 2"),
        ("export 7f cvs", UnknownOption, "export 7f csv"),
        ("export 7f backtestng", UnknownOption, "export 7f backtesting"),
        ("export 7f trades parket", UnknownOption, "export 7f trades parquet"),
        ("export 7f pine parquet", OneTooMany, "export 7f pine"),
        ("adopt 7f it held up", OneTooMany, 'adopt 7f why="it held up"'),
        (f"adopt 7f why={'x' * 301}", TextTooLong, ""),
        ("schedule", MissingStart, ""),
        ("unschedule", MissingSchedule, ""),
        ("unschedule opt-2b", NotASchedule, ""),
        ("run AAPL RSI 200", NotASchedule, "start AAPL RSI 200"),
        ("data a b", OneTooMany, "data a"),
        ("data a changes changes", OneTooMany, "data a changes"),
        ("help xyzzy", UnknownTopic, ""),
        ("help bolinger", UnknownTopic, "help bollinger"),
        ("config langage ko", UnknownSetting, "config language ko"),
        ("config language fr", WrongChoice, ""),
        ("config @tech a/b", NotASymbol, "config @tech A-B"),
        ("config @te/ch AAPL", NotASymbol, ""),
        ("audit 1000", OutOfRange, "audit 200"),
        ("forecast", MissingStudy, ""),
        ("forecast 7f bars=9000", OutOfRange, "forecast 7f bars=252"),
        ("forecast 7f soon", OneTooMany, "forecast 7f"),
        ("forecasts AAPL MSFT", OneTooMany, "forecasts AAPL"),
        ("cancle 7f", UnknownVerb, "cancel 7f"),
        ("상테 7f", UnknownVerb, "상태 7f"),
        ("what is this", UnknownStrategy, ""),
        ("make me rich", UnknownStrategy, ""),
        ("안녕하세요", UnknownVerb, ""),
    ],
)
def test_a_wrong_command_is_refused_and_corrected(text: str, kind: type[UserError], corrected: str) -> None:
    error = refused(text)

    assert type(error) is kind
    assert error.command == (f"/optimize {corrected}" if corrected else "")


def test_verbs_with_words_of_their_own_have_readers() -> None:
    assert {key for key, verb in VERBS.items() if verb.takes is Takes.WORDS} == set(READERS)


def test_no_word_stands_for_two_verbs() -> None:
    words = [word for verb in VERBS.values() for word in verb.words]

    assert len(words) == len(set(words)) == len(VERB_WORDS)
    assert all(word == word.lower() for word in words)


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda v: v.key)
def test_every_verb_is_helped_in_both_languages(verb: Verb) -> None:
    assert any(not alias.isascii() for alias in verb.words), "a Korean word"
    assert verb.key == "start" or verb.usage.startswith(verb.key)
    assert parse(f"help {verb.key}") == commands.Help(verb.key, commands.Topic.VERB)


def test_every_command_has_its_verb() -> None:
    # What only a button can ask for is declared beside the buttons.
    typed = {kind for kind in commands.Command.__subclasses__() if kind.__module__ == commands.__name__}
    with_verbs = typed - {*SHARED}

    assert {verb.command for verb in VERBS.values()} == with_verbs
    assert verb_of(commands.OpenModal()).key == "start"
    assert verb_of(parse("adopt 7f")).role is Role.APPROVER


@pytest.mark.parametrize("word", VERB_WORDS)
def test_a_verb_is_read_in_any_case(word: str) -> None:
    assert outcome(f"{word.upper()} 7f") == outcome(f"{word} 7f")


def test_help_needs_no_role_and_only_admins_see_the_audit() -> None:
    assert VERBS["help"].role is Role.NOBODY
    assert VERBS["audit"].role is Role.ADMIN
    assert Role.VIEWER < Role.RUNNER < Role.APPROVER < Role.ADMIN


def leaves(kind: type[UserError]) -> set[type[UserError]]:
    below = kind.__subclasses__()
    return {kind} if not below else {leaf for each in below for leaf in leaves(each)}


def test_the_picture_of_the_errors_is_complete() -> None:
    shown = grammar_errors.__doc__ or ""

    assert all(f" {kind.__name__}" in shown for kind in leaves(CommandError))


def test_an_error_survives_pickling_with_its_correction() -> None:
    error = refused("AAPL RSII 200")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is UnknownStrategy
    assert (str(again), again.facts, again.command) == (str(error), error.facts, "/optimize AAPL rsi 200")
