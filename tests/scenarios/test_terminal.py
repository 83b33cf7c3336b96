"""`optimize-bot run` as a person types it: what it prints, what it writes, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.domain.study_results import Verdict
from optimizer.market.calendars import find_calendar
from optimizer.storage.embedded_mongo import EmbeddedMongo
from tests.bars import made_up_bars, sample_bars
from tests.scenarios.conftest import kept_bindings
from tests.terminal import Terminal

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for the module: a second command finds what the first one left."""
    return tmp_path_factory.mktemp("terminal")


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command into a process of its own, which starts its own database, and wait until it ends."""
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(home), "COLUMNS": "80", "OPTIMIZE_BOT_WORKERS": "1"}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def terminal(
    home: Path, mongod: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch, capsys: "pytest.CaptureFixture[str]"
) -> Iterator[Terminal]:
    """A terminal in this process, for what needs neither a process nor a database of its own."""
    monkeypatch.setenv("OPTIMIZE_BOT_HOME", str(home))
    monkeypatch.setenv("MONGODB_URI", mongod.uri.replace("/?", "/terminal?"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("OPTIMIZE_BOT_WORKERS", "1")  # one study at a time is typed here
    with kept_bindings():
        yield Terminal(capsys)


def test_json_is_the_only_thing_on_stdout_and_can_be_replayed(home: Path) -> None:
    words = ("run", "AAPL", "RSI", "60", "source=sample", "--json")
    first, second = typed(home, *words), typed(home, *words)
    told, again = json.loads(first.stdout), json.loads(second.stdout)

    assert first.returncode == 0, first.stderr
    assert told["study"]["symbol"] == "AAPL"
    assert told["study"]["n_trials"] == 60 == len(told["trials"])
    assert told["verdict"] in {str(verdict) for verdict in Verdict}
    assert {"cagr", "sharpe_ratio", "max_drawdown"} <= told["best"]["measures"].keys()
    assert told["best"]["value"] == max(t["value"] for t in told["trials"] if t["is_feasible"])
    assert _numbers(told) == _numbers(again)
    assert "on the unseen" in first.stderr


def test_a_saved_rule_is_a_strategy_with_the_database_of_ones_own_machine(home: Path) -> None:
    assert typed(home, "rule", "dip", "buy when rsi < 30; sell when rsi > 55").returncode == 0
    said = typed(home, "IBM", "dip", "20", "folds=0", "source=sample", "--json", "--yes")

    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["study"]["strategy"] == "dip"


def test_a_stopped_position_opens_again_while_the_signal_holds_if_that_is_asked_for(terminal: Terminal) -> None:
    words = ("run", "AAPL", "SMA", "10", "stop=3", "folds=0", "source=sample")
    waiting, again = terminal(*words, "--json"), terminal(*words, "reenter=signal", "--json")
    fresh, signal = json.loads(waiting.out), json.loads(again.out)

    assert (waiting.code, again.code) == (0, 0), again.err
    assert (fresh["study"]["spec"]["reenter"], signal["study"]["spec"]["reenter"]) == ("fresh", "signal")
    assert signal["default"]["measures"]["n_trades"] > fresh["default"]["measures"]["n_trades"] > 0
    assert "re-entry while the signal still holds" in " ".join(again.err.split())
    assert "reenter=signal" in signal["study"]["command"]
    assert "reenter" not in fresh["study"]["command"]
    assert signal["tries"]["n_searches"] == fresh["tries"]["n_searches"] + 1


def test_one_set_for_several_symbols_is_told_with_a_table_of_them(terminal: Terminal) -> None:
    said = terminal("run", "MSFT,AAPL,IBM", "RSI", "40", "mode=shared", "source=sample", "--json")
    told = json.loads(said.out)
    words = " ".join(said.err.split())

    assert said.code == 0, said.err
    assert told["study"]["symbol"] == "AAPL,IBM,MSFT"
    values = [part["winner"]["value"] for part in told["shared"]["by_symbol"]]
    assert told["best"]["value"] == pytest.approx(sorted(values)[1])
    assert "The shared set on each symbol" in words
    assert "Median" in words
    assert "mode=shared" in words


def test_symbols_of_one_request_count_as_searches_of_each_other(terminal: Terminal) -> None:
    said = terminal("run", "AAPL,IBM", "SMA", "10", "folds=0", "source=sample", "--json")

    assert said.code == 0, said.err
    told = [json.loads(line) for line in said.out.splitlines() if line.startswith("{")] or [json.loads(said.out)]
    studies = told[0]["studies"]
    assert [study["tries"]["n_together"] for study in studies] == [2, 2]
    others = [study["tries"]["n_searches"] - 1 for study in studies]  # what the tests before searched on these bars
    assert [study["significance"]["n_searches"] for study in studies] == [2 + earlier for earlier in others]
    assert list(told[0]["across_symbols"]["p_values"]) == ["AAPL", "IBM"]
    assert "2 symbols" in " ".join(said.err.split())


def test_dates_that_only_some_symbols_have_are_left_out_and_counted(terminal: Terminal, tmp_path: Path) -> None:
    bars = sample_bars("IBM")
    days = bars.time.astype("datetime64[D]").astype(str).tolist()
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = [",".join([day, *(repr(float(value)) for value in row)]) for day, *row in zip(days, *columns, strict=True)]
    kept = [row for number, row in enumerate(rows) if number not in (2000, 2001, 2500)]
    (tmp_path / "GAPS.csv").write_text("\n".join(["date,open,high,low,close,volume", *kept]) + "\n")

    assert terminal("data", "import", str(tmp_path / "GAPS.csv"), "--symbol", "GAPS").code == 0
    said = terminal("run", "IBM,GAPS", "SMA", "30", "mode=shared", "dry")

    assert said.code == 0, said.err
    assert "IBM – 3 bars are left out because not every symbol has one on their dates." in " ".join(said.out.split())


def _numbers(document: dict[str, Any]) -> object:
    """What must be the same when the same thing is asked twice; only the tries add up."""
    return (
        document["best"],
        document["default"],
        document["buy_and_hold"],
        document["trials"],
        document["study"]["data_hash"],
    )


def test_charts_and_report_are_written_where_asked(home: Path, tmp_path: Path) -> None:
    said = typed(home, "run", "IBM", "SMA", "40", "source=sample", "--out", str(tmp_path / "out"))

    assert said.returncode == 0, said.stderr
    assert {"equity.png", "history.png", "report.html"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert str(tmp_path / "out") in said.stdout.replace("\n", "")
    assert (tmp_path / "out" / "equity.png").read_bytes().startswith(b"\x89PNG")


def test_dry_run_starts_nothing(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMIZE_BOT_HOME", str(tmp_path))
    said = terminal("run", "MSFT", "MACD", "300", "source=sample", "dry")

    assert said.code == 0, said.err
    assert "nothing was started" in " ".join(said.out.split())
    assert not (tmp_path / "reports").exists()


def test_a_request_in_words_is_understood_as_in_slack(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMIZE_BOT_HOME", str(tmp_path))
    said = terminal("please", "optimise", "apple", "with", "rsi", "source=sample", "dry")

    assert said.code == 0, said.err
    assert "Understood as" in said.err
    assert "AAPL (Apple)" in said.err
    assert "nothing was started" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("don't", "start", "AAPL", "RSI"), "don't"),
        (("rsi", "or", "macd", "on", "apple", "200", "trials"), "`AAPL macd 200`"),
        (("AAPL", "RSO", "200"), "`rso`"),
        (("AAPL", "RSI", "20000"), "20000"),
        (("AAPL", "RSI", "200", "gaol=sharpe"), "gaol"),
        (("APPL", "RSI", "200", "source=sample"), "`APPL`"),
        (("help",), "I don't know `help`."),
    ],
)
def test_bad_usage_is_named_and_ends_with_two(terminal: Terminal, words: tuple[str, ...], named: str) -> None:
    said = terminal("run", *words)

    assert said.code == 2
    assert named in said.err
    assert "Traceback" not in said.err
    assert not said.out


def test_korean_speaks_korean(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMIZE_BOT_LANGUAGE", "ko")
    said = terminal("run", "GOOG", "RSI", "30", "source=sample")

    assert said.code == 0, said.err
    assert "표본 외 샤프" in said.out


def test_own_bars_are_imported_checked_and_studied(terminal: Terminal, tmp_path: Path) -> None:
    rows = ["Date,Open,High,Low,Close,Volume"]
    price = 100.0
    for day in range(900):
        price *= 1.0 + ((day * 7919) % 41 - 20) / 1500
        rows.append(f"{_session(day)},{price:.4f},{price * 1.01:.4f},{price * 0.99:.4f},{price:.4f},{1000 + day}")
    (tmp_path / "OWN.csv").write_text("\n".join(rows))
    brought = terminal("data", "import", str(tmp_path / "OWN.csv"))
    checked = terminal("data", "check", "OWN")
    studied = terminal("run", "OWN", "RSI", "30", "--json")

    assert "900 bars of 1 symbol from 1 file." in brought.out, brought.err
    assert "OWN: 900 daily bars from file" in " ".join(checked.out.split())
    assert json.loads(studied.out)["study"]["source"] == "file", studied.err


def _session(number: int) -> str:
    """A trading day of New York, counted from 2015 on."""
    return str(find_calendar("XNYS", date(2015, 1, 1), date(2019, 12, 31)).sessions[number])


def test_a_quarter_of_minutes_is_studied_as_minutes_and_as_hours(terminal: Terminal, tmp_path: Path) -> None:
    time = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-04-01"), np.timedelta64(1, "m"))
    bars = made_up_bars(len(time), seed=5)
    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(time, tz="UTC"))
    frame.to_csv(tmp_path / "MIN-USD.csv", index_label="Time")

    assert terminal("data", "import", str(tmp_path / "MIN-USD.csv")).code == 0
    minutes = terminal("run", "MIN-USD", "RSI", "20", "timeframe=1m", "folds=2", "--json")
    hours = terminal("run", "MIN-USD", "RSI", "20", "timeframe=2h", "folds=0", "from=2024-01-05", "--json")
    odd = terminal("run", "MIN-USD", "RSI", "20", "timeframe=3d")

    assert (minutes.code, hours.code) == (0, 0), minutes.err + hours.err
    assert json.loads(minutes.out)["study"]["status"] == "complete"
    assert "1-minute bars" in minutes.err
    assert "2-hour bars" in hours.err
    assert "There is no timeframe called `3d`." in odd.err


def test_second_program_on_the_same_directory_is_refused(terminal: Terminal, home: Path) -> None:
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(home)}
    script = "import sys; from bot.runtime.processes import lock_home; from pathlib import Path\n"
    script += f"with lock_home(Path({str(home)!r}), 'run'): print('mine', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        said = terminal("run", "AAPL", "RSI", "30")
    finally:
        holder.communicate()

    assert said.code == 1
    assert f"`optimize-bot run` (process {holder.pid}) is using {home}." in said.err


def test_dry_import_tells_what_it_understood_and_stores_nothing(terminal: Terminal, tmp_path: Path) -> None:
    rows = [f"{day:02}.02.2024;10,5;12,25;9,5;11,75;1.000" for day in (5, 6, 7, 8)]
    (tmp_path / "DRY.DE.csv").write_bytes(
        "\n".join(["Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", *rows]).encode("cp1252")
    )

    said = terminal("data", "import", str(tmp_path / "DRY.DE.csv"), "--dry")
    told = terminal("data", "import", str(tmp_path / "DRY.DE.csv"), "--dry", "--json")
    asked = terminal("data", "import", str(tmp_path / "DRY.DE.csv"), "--zone", "Nowhere")
    checked = terminal("data", "check", "DRY.DE")

    assert said.code == 0, said.err
    assert "DRY.DE, 4 bars of 1d, 2024-02-05 to 2024-02-08" in said.out
    assert "cp1252, semicolons between values" in said.out
    assert "4 bars of 1 symbol in 1 file. Nothing was imported." in said.out
    (understood,) = json.loads(told.out)["understood"]
    assert (understood["decimal"], understood["encoding"], understood["n_bars"]) == (",", "cp1252", 4)
    assert asked.code == 2
    assert checked.code != 0
