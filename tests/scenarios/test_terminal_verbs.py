"""Every verb of `/optimize` typed in a terminal, through the real program; a verb without a line here fails."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from bot.__main__ import main
from bot.access.local import local_user
from bot.grammar.verbs import VERBS
from optimizer.storage.embedded_mongo import EmbeddedMongo
from tests.bot_process import free_port
from tests.scenarios.conftest import kept_bindings
from tests.terminal import Terminal

pytestmark = pytest.mark.server

#: For each verb what is typed after it, words of its answer, and a key of its document. `{one}` and `{other}` are
#: finished studies, `{begun}` is one that was interrupted, `{schedule}` is a schedule. In this order.
TYPED = {
    "help": ("", "`list [mine|running|all]`", "verbs"),
    "strategies": ("", "`supertrend` Supertrend", "strategies"),
    "rule": ("dip buy when rsi < 30; sell when rsi > 55", "Saved as `dip`, version 1", "saved"),
    "rules": ("", "buy when rsi(14) < 30; sell when rsi(14) > 55", "rules"),
    "whoami": ("", "admin", "role"),
    "list": ("", "{one}", "items"),
    "status": ("{one}", "20 sets", "trials_completed"),
    "show": ("{one}", "on the unseen", "best"),
    "why": ("{one}", "buy and hold", "reason"),
    "top": ("all", "{one}", "items"),
    "compare": ("{one} {other}", "Sharpe out of sample", "is_same_ground"),
    "best": ("AAPL RSI", "Sharpe out of sample", "params"),
    "pause": ("{begun}", "{begun}", "status"),
    "resume": ("{begun}", "Charts and report in", "best"),
    "more": ("{begun} 5", "25 sets", "trials"),
    "replay": ("{one}", "match the stored ones exactly", "n_trials"),
    "export": ("{one} csv", "Written:", "files"),
    "adopt": ('{one} why="a test"', "is the champion now", "study_name"),
    "champions": ("", "AAPL", "rows"),
    "schedules": ("", "{schedule}", "rows"),
    "run": ("{schedule}", "Challenger:", "runs"),
    "unschedule": ("{schedule}", "{schedule}", "rows"),
    "data": ("AAPL", "3,270 daily bars from sample", "coverage"),
    "regime": ("AAPL as_of=2008-10-31", "AAPL is volatile since", "regime"),
    "forecast": ("{one}", "not a promise", "forecast"),
    "forecasts": ("AAPL", "No forecast is scored yet", "forecasts"),
    "signal": ("AAPL as_of=2012-06-29", "no better than the base rate", "signal"),
    "signals": ("AAPL", "no outcome is known yet", "signals"),
    "health": ("", "MongoDB", "probes"),
    "failures": ("", "No study has failed", "rows"),
    "config": ("@tech AAPL,MSFT", "`@tech` AAPL, MSFT", "lists"),
    "regimes": ("", "`MSFT` has no stored bars yet", "regimes"),
    "preferences": ("tz=seoul", "Asia/Seoul", "values"),
    "audit": ("4", "terminal `config @tech AAPL,MSFT`", "rows"),
    "start": ("@tech RSI 20 dry", "Plan for MSFT RSI", "plans"),
    "cancel": ("{second}", "{second}", "status"),
}
#: Verbs that answer otherwise here, with the reason in a test of their own.
ELSEWHERE = {"web", "schedule", "mute", "unmute"}


#: One worker is enough for what is typed here.
_ENVIRONMENT = {"COLUMNS": "200", "OPTIMIZE_BOT_WORKERS": "1"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, mongod: EmbeddedMongo) -> Iterator[Any]:
    """A data directory for the commands typed here, and the studies that they store."""
    home, uri = tmp_path_factory.mktemp("terminal_verbs"), mongod.uri.replace("/?", "/terminal_verbs?")
    with kept_bindings(), pytest.MonkeyPatch.context() as environment, MongoClient[dict[str, Any]](uri) as client:
        for name, value in _ENVIRONMENT.items():
            environment.setenv(name, value)
        environment.setenv("OPTIMIZE_BOT_HOME", str(home))
        environment.setenv("MONGODB_URI", uri)
        environment.chdir(home)
        yield client["terminal_verbs"]


@pytest.fixture(scope="module")
def names(database: Any) -> dict[str, str]:
    """Names of studies for the lines: two finished ones, and two that a stop interrupted before their first trial."""
    one, other = (_finished(seed) for seed in (41, 42))
    begun = _interrupted(database, 43)
    second = _stored_like(database, begun)
    return {"one": one, "other": other, "begun": begun, "second": second, "schedule": _scheduled(database)}


def _finished(seed: int) -> str:
    """Run a study to its end, and return its name."""
    with redirect_stdout(StringIO()) as printed, pytest.raises(SystemExit, match="0"):
        main(("run", "AAPL", "RSI", "20", "folds=0", f"seed={seed}", "--json"))
    return str(json.loads(printed.getvalue())["study"]["name"])


def _stored_like(database: Any, name: str) -> str:
    """Store another study like one, and return its name."""
    study = database.optimization_studies.find_one({"study_name": name}, {"_id": False})
    database.optimization_studies.insert_one(study | {"study_name": "opt-5ec0"})
    return "opt-5ec0"


def _scheduled(database: Any) -> str:
    """Store a schedule as an earlier version did, on bars that get no new ones."""
    now = datetime.now(UTC)
    spec = {"symbol": "AAPL", "strategy_name": "rsi", "n_trials": 20, "folds": 0}
    when = {"cadence": "weekly", "days": ["mon"], "hour": 7, "minute": 0, "day": None}
    database.schedules.insert_one(
        {
            "schedule_name": "sch-5e", "spec": spec, "when": when, "time_zone": "Asia/Seoul", "language": "en",
            "next_due": now + timedelta(days=3), "created_by": "someone", "channel_id": "", "created_at": now,
        }
    )  # fmt: skip
    return "sch-5e"


def _run(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bot", "run", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _interrupted(database: Any, seed: int) -> str:
    """Begin a study, end the program at once by SIGTERM, and return the study's name."""
    running = _run("IBM", "RSI", "20", "folds=0", f"seed={seed}")
    while (found := database.optimization_studies.find_one({"spec.seed": seed})) is None:
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    _, complaints = running.communicate(timeout=60)

    assert running.returncode == 128 + signal.SIGTERM
    assert complaints == ""
    return str(found["study_name"])


@pytest.fixture
def typed(database: Any, capsys: "pytest.CaptureFixture[str]") -> Terminal:
    """A terminal."""
    return Terminal(capsys)


def test_every_verb_is_typed_here() -> None:
    assert {*TYPED, *ELSEWHERE} == {*VERBS}


@pytest.mark.parametrize("verb", TYPED)
def test_a_verb_answers_people_and_programs(verb: str, typed: Terminal, names: dict[str, str]) -> None:
    line, said, key = (text.format(**names) for text in TYPED[verb])
    ended = typed(verb, *line.split(), "--json")

    assert ended.code == 0, ended.err
    assert said in " ".join(ended.err.split())
    assert key in json.loads(ended.out)
    assert not any(mark in ended.err for mark in ("&amp;", "&lt;", "`/optimize", "<#", "<@", "``"))


def test_a_saved_rule_is_run_by_its_name_once_it_is_confirmed(typed: Terminal, names: dict[str, str]) -> None:
    text = "buy when rsi < 25; sell when rsi > 60"
    assert typed("rule", "swing", text, "--json").code == 0
    shown = typed("run", "AAPL", "swing", "20", "folds=0", "--json")
    assert shown.code == 0, shown.err
    assert "Nothing runs yet." in shown.err
    assert json.loads(shown.out)["rule"] == "buy when rsi(14) < 25; sell when rsi(14) > 60"

    ended = typed("run", "AAPL", "swing", "20", "folds=0", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert "Its rule: `buy when rsi(" in ended.err
    study = json.loads(ended.out)["study"]
    again = typed("run", "AAPL", text, "20", "folds=0", "yes", "--json")
    sets = [[trial["params"] for trial in json.loads(each.out)["trials"]] for each in (ended, again)]
    assert sets[0] == sets[1]
    assert study["strategy"] == "swing"


def test_changes_of_stored_bars_are_asked_for_by_a_word_that_help_names(typed: Terminal, names: dict[str, str]) -> None:
    ended = typed("data", "AAPL", "changes", "--json")

    assert "No change of stored bars of AAPL is recorded." in ended.err
    assert json.loads(ended.out)["rows"] == []
    assert "data [SYMBOL [changes] [timeframe=1h] [source=yahoo]]" in " ".join(typed("data", "--help").out.split())
    assert "저장된 봉이 바뀐 기록이 없습니다." in typed("--language", "ko", "data", "AAPL", "changes").out


def test_exported_files_are_where_the_command_was_typed_or_in_the_folder_named(
    typed: Terminal, names: dict[str, str], tmp_path: Path
) -> None:
    typed("export", names["one"], "csv")
    typed("export", names["one"], "json", "--out", str(tmp_path / "new"))
    typed("export", names["one"], "pine", "--out", str(tmp_path / "new"))
    typed("export", names["one"], "trades", "parquet", "--out", str(tmp_path / "new"))

    assert Path(f"{names['one']}.csv").read_text().startswith("number,")
    assert json.loads((tmp_path / "new" / f"{names['one']}.json").read_text())["study"]["symbol"] == "AAPL"
    assert (tmp_path / "new" / f"{names['one']}-pine.pine").read_text().startswith("//@version=5")
    assert (tmp_path / "new" / f"{names['one']}-trades.parquet").read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lst", "all"), "I don't know `lst`. Did you mean `list`? Try: `optimize-bot list all`"),
        (("help", "pbp"), "There is no help about `pbp`."),
        (("show", "opt-zz"), "There is no study `opt-zz`."),
        (("status", "opt-ffffffff"), "There is no study `opt-ffffffff`."),
        (("run", "AAPL", "RSI", "200", "maxdd<>5"), "`maxdd` must be a number; `>5` is not one."),
        (("run", "AAPL", "RSI", "quiet"), "`quiet` is for messages in Slack"),
        (("mute",), "`mute` is about messages in Slack: type “/optimize mute” there."),
        (("preferences", "dm", "yes"), "type “/optimize preferences dm” there"),
        (("config", "language", "ko"), "type “/optimize config language” there"),
        (
            ("schedule", "AAPL", "RSI", "20", "weekly", "mon", "07:00"),
            "no new ones arrive, so each run would compare the same bars.",
        ),
        (("web",), "The bot is not running, so there are no pages."),
    ],
)
def test_what_cannot_be_done_is_said_without_mark_up(words: tuple[str, ...], said: str, typed: Terminal) -> None:
    ended = typed(*words)

    assert ended.code in (1, 2)
    assert said in " ".join(ended.err.split())
    assert not ended.out


def test_help_is_the_answer_to_nothing(typed: Terminal) -> None:
    assert "`optimize-bot run AAPL RSI 200` starts a study" in " ".join(typed().out.split())


def test_a_closed_pipe_ends_a_command_quietly(database: Any) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "bot", "list", "all"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert ended.stderr == ""


def test_streams_that_a_shell_has_closed_are_no_error(tmp_path: Path) -> None:
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(tmp_path)}
    for words in ("run IBM RSI 10 folds=0 0<&- >&-", "help 0<&- >&- 2>&-"):
        shell = ["sh", "-c", f"{sys.executable} -m bot {words}"]
        ended = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)

        assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), (words, ended.stderr)


def test_a_version_is_printed_without_loading_what_computes() -> None:
    program = "import sys; from bot.__main__ import main\ntry: main(['--version'])\nfinally: print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.startswith("optimize-bot 0.1.0")
    assert not {"numpy", "jinja2", "rich", "motor", "slack_sdk"} & {*printed.split()}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A bot without Slack at a port of its own, with a directory and an embedded server of its own."""
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(tmp_path), "OPTIMIZE_BOT_PORT": str(free_port())}
    environment.pop("MONGODB_URI", None)
    command = [sys.executable, "-m", "bot", "serve"]
    bot = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )
    try:
        yield bot
    finally:
        bot.kill()
        bot.communicate()


def test_without_slack_the_bot_serves_pages_and_its_owner_gets_a_link(
    serving: "subprocess.Popen[str]", typed: Terminal, tmp_path: Path
) -> None:
    assert serving.stdout is not None
    printed = "".join(line for _ in range(2) for line in takewhile(str.strip, iter(serving.stdout.readline, "")))
    link = printed.split()[-1]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPTIMIZE_BOT_HOME", str(tmp_path))
        refused, another = typed("serve"), typed("web")
    with urllib.request.urlopen(link) as page:
        shown = page.read().decode()
    os.killpg(serving.pid, signal.SIGINT)  # as Ctrl-C does
    _, log = serving.communicate(timeout=60)

    assert "Slack is off: none of its tokens is set." in printed
    assert f"signs you in as <b>{local_user()}</b>" in shown
    assert f"The bot (`optimize-bot serve`, process {serving.pid}) is running on {tmp_path}, and" in refused.err
    assert "/sign-in?ticket=" in another.out
    assert serving.returncode == 0
    assert not [line for line in log.splitlines() if "nanobind" in line or "Traceback" in line or " ERROR " in line]


def test_a_list_comes_from_a_file_and_is_changed_by_what_comes_and_goes(typed: Terminal, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("symbol,weight\nAAPL,1\nMSFT,2\nIBM,3\n")

    made = typed("config", "@mine", "--file", str(tmp_path / "list.csv"))
    changed = typed("config", "@mine", "+GOOG", "-IBM")
    gone = typed("config", "@mine", "-MSFT,AAPL", "--json")
    none = typed("config", "@mine", "--file", str(tmp_path / "none.csv"))

    assert "`@mine` AAPL, MSFT, IBM" in made.out, made.err
    assert "`@mine` AAPL, MSFT, GOOG" in changed.out, changed.err
    assert {one["name"]: one["symbols"] for one in json.loads(gone.out)["lists"]}["mine"] == ["GOOG"], gone.err
    assert none.code != 0
    assert "there is no such file" in none.err
