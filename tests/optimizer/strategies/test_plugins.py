"""A person's own strategies: what loads, what is refused and in which words, and that they trade as ours do.

The files are real, and each is tried in a process of its own, as at the start of the bot.
"""

import os
import re
import stat
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from bot.runtime.own_strategies import reserved_words
from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.errors import UnknownStrategy
from optimizer.strategies.declaration import Strategy
from optimizer.strategies.plugins.example_file import example_of
from optimizer.strategies.plugins.loading import OwnStrategies, load_again, load_plugins
from optimizer.strategies.plugins.plugin_errors import Fault, StrategyFailed, StrategyRefused
from optimizer.strategies.plugins.plugin_files import (
    PluginKinds,
    PluginSource,
    read_folder,
    read_packages,
    require_owned,
)
from optimizer.strategies.plugins.trial import made_up_bars, param_sets
from optimizer.strategies.plugins.trial_process import Bounds
from optimizer.strategies.registry import STRATEGIES, find_strategy
from optimizer.studies.worker_messages import Configure, decode_request, encode
from tests.bars import sample_bars
from tests.optimizer.strategies.own_files import GOOD, WRONG, slow_path
from tests.refused import refused, worded
from tests.source_tree import ROOT

#: What does not return is ended sooner than at the start of a bot.
BOUNDS = Bounds(module=4.0, trial=15.0)
QUICK = Bounds(module=20.0, trial=60.0)


def written(folder: Path, **files: str) -> Path:
    """A folder of files that are the user's alone; `a_py` is the name of `a.py`."""
    folder.mkdir(mode=0o700)
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> OwnStrategies:
    """Every file of this module's, loaded together: the wrong ones must not harm the good ones."""
    folder = tmp_path_factory.mktemp("own") / "strategies"
    written(folder, **GOOD, **{name: code for name, (code, _) in WRONG.items() if name != "again.py"})
    # The last by name, so that its name is taken when it comes.
    (folder / "zz_again.py").write_text(WRONG["again.py"][0])
    (folder / "zz_again.py").chmod(0o600)
    return load_plugins(PluginKinds.FOLDER, folder, reserved=reserved_words(), bounds=BOUNDS)


@pytest.fixture
def known(loaded: OwnStrategies) -> Iterator[OwnStrategies]:
    """The good ones, known to this process."""
    loaded.use()
    yield loaded
    STRATEGIES.set_own(())


def test_good_files_of_each_path_load_beside_wrong_ones(loaded: OwnStrategies) -> None:
    assert [one.key for one in loaded.strategies] == ["fast_rsi", "slow_rsi", "first_own", "second_own"]
    assert len(loaded.refused) == len(WRONG)
    for strategy in loaded.strategies:
        assert strategy.own is not None
        assert 0 < strategy.own.seconds < 0.05
        assert len(strategy.digest) == 64


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_its_line_and_reason(name: str, loaded: OwnStrategies) -> None:
    [refusal] = [one for one in loaded.refused if one.facts["file"] == name.replace("again", "zz_again")]

    with refused(StrategyRefused, match=WRONG[name][1]):
        raise refusal


def test_nothing_was_written() -> None:
    assert not Path("/tmp/never-written").exists()


def test_the_example_and_the_one_of_the_manual_pass(tmp_path: Path) -> None:
    manual = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "strategies.md").read_text(), re.DOTALL)
    assert manual
    folder = written(tmp_path / "strategies", **{"example.py": example_of("mine", "mine.py"), "manual.py": manual[1]})
    found = load_plugins(PluginKinds.ALL, folder, reserved=reserved_words(), bounds=QUICK)

    assert not found.refused
    assert [one.key for one in found.strategies] == ["mine", "dip"]


def test_a_policy_trained_outside_comes_back_as_a_file(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "environment.md").read_text(), re.DOTALL)
    [policy] = [block for block in blocks if "@strategy(" in block]
    found = load_plugins(
        PluginKinds.FOLDER,
        written(tmp_path / "strategies", **{"desk.py": policy}),
        reserved=reserved_words(),
        bounds=QUICK,
    )

    assert not found.refused
    assert trades_of(found.strategies[0], {"lead": 0})


def trades_of(strategy: Strategy, params: Params, *, allow_short: bool = False) -> object:
    bars = sample_bars("AAPL")
    evaluator = Evaluator(strategy, bars, costs=Costs(), allow_short=allow_short)
    return evaluator.backtest(params, start=0, stop=len(bars)).trades


def test_copies_of_rsi_trade_as_ours(loaded: OwnStrategies) -> None:
    ours = find_strategy("rsi")
    fast, slow = (one for one in loaded.strategies if one.key in ("fast_rsi", "slow_rsi"))
    sets = param_sets(ours)

    assert len(sets) == 20
    for params in sets:
        assert trades_of(fast, params) == trades_of(ours, params) == trades_of(slow, params)
        assert trades_of(fast, params, allow_short=True) == trades_of(ours, params, allow_short=True)


def table_of(strategy: Strategy, sets: list[Params]) -> FloatArray:
    bars = sample_bars("IBM")
    return Evaluator(strategy, bars, costs=Costs()).scores(sets, start=0, stop=len(bars)).table


def test_scores_are_those_of_ours_with_overlays_and_in_batches(loaded: OwnStrategies) -> None:
    ours = find_strategy("rsi")
    fast, slow = (one for one in loaded.strategies if one.key in ("fast_rsi", "slow_rsi"))
    plain = param_sets(ours) * 8
    overlaid: list[Params] = [{**params, "stop": 5, "trend": 150} for params in plain]

    np.testing.assert_array_equal(table_of(fast, overlaid), table_of(ours, overlaid))
    np.testing.assert_array_equal(table_of(slow, plain), table_of(ours, plain))
    assert table_of(slow, overlaid).shape == table_of(ours, overlaid).shape


def test_a_row_is_computed_once_for_all_of_its_masks(tmp_path: Path) -> None:
    text = slow_path("counted", "calls.append(period); return np.sign(bars.close - bars.open)").replace(
        "import numpy as np", "import numpy as np; calls = []"
    )
    folder = written(tmp_path / "strategies", **{"counted.py": text})
    [strategy] = load_plugins(PluginKinds.FOLDER, folder, reserved=reserved_words(), bounds=QUICK).strategies
    evaluator = Evaluator(strategy, sample_bars("AAPL"), costs=Costs(), allow_short=True)
    evaluator.scores([{"period": period} for period in range(10, 31)], start=0, stop=2000)

    assert evaluator.cache_misses == 21


def test_own_strategies_are_found_by_their_words(known: OwnStrategies) -> None:
    assert find_strategy("FAST_RSI").key == find_strategy("fast_reversal").key == "fast_rsi"
    assert list(STRATEGIES)[-4:] == ["fast_rsi", "slow_rsi", "first_own", "second_own"]


def test_a_refused_file_is_named_where_its_strategy_is_asked_for(known: OwnStrategies) -> None:
    with refused(StrategyRefused, match="`syntax.py`, line 3: it is not Python"):
        find_strategy("syntax")


def test_without_them_they_are_unknown() -> None:
    with pytest.raises(UnknownStrategy):
        find_strategy("fast_rsi")


def test_a_worker_loads_what_the_bot_tried(loaded: OwnStrategies) -> None:
    again = load_again(loaded.sources)

    assert [(one.key, one.own) for one in again.strategies] == [(one.key, one.own) for one in loaded.strategies]
    assert not again.refused


def test_a_failure_during_a_study_names_file_and_line(tmp_path: Path) -> None:
    text = slow_path("fragile", "return bars.close * 0 if bars.symbol == 'TRIAL' else bars.close / 0 * others['x']")
    folder = written(tmp_path / "strategies", **{"fragile.py": text})
    [strategy] = load_plugins(PluginKinds.FOLDER, folder, reserved=reserved_words(), bounds=QUICK).strategies
    evaluator = Evaluator(strategy, sample_bars("AAPL"), costs=Costs())

    with refused(StrategyFailed, match="`fragile`, a file .* `fragile.py`, line 7: its code fails with"):
        evaluator.scores([{"period": 10}], start=50, stop=1000)


# Files that another user could have written.


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "strategies", **{"open.py": "x = 1\n", "group.py": "x = 1\n"})
    (folder / "open.py").chmod(0o606)
    (folder / "group.py").chmod(0o660)
    sources, refusals = read_folder(folder)

    assert not sources
    assert [worded(one) for one in refusals] == [
        "`group.py`: others may write to it (mode 660); remove that right with `chmod go-w`. It was not loaded.",
        "`open.py`: others may write to it (mode 606); remove that right with `chmod go-w`. It was not loaded.",
    ]


def test_a_folder_that_others_may_write_is_refused_whole(tmp_path: Path) -> None:
    folder = written(tmp_path / "strategies", **GOOD)
    folder.chmod(0o777)
    sources, [refusal] = read_folder(folder)

    assert not sources
    with refused(StrategyRefused, match="`strategies/`: others may write to it"):
        raise refusal


def test_links_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("x = 1\n")
    folder = written(tmp_path / "strategies")
    (folder / "link.py").symlink_to(outside)
    sources, [refusal] = read_folder(folder)
    (tmp_path / "linked").symlink_to(folder)
    of_folder = read_folder(tmp_path / "linked")[1]

    assert not sources
    assert "it is a symbolic link" in worded(refusal)
    assert "it is a symbolic link" in worded(of_folder[0])


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "strategies")
    os.mkfifo(folder / "pipe.py", 0o600)
    (folder / "folder.py").mkdir(mode=0o700)
    (folder / "bytes.py").write_bytes(b"x = 1\ny = '\xff'\n")
    (folder / "long.py").write_bytes(b"#" * (2**20 + 1))
    for name in ("bytes.py", "long.py"):
        (folder / name).chmod(0o600)
    said = {str(one.facts["file"]): worded(one) for one in read_folder(folder)[1]}

    assert "not a regular file" in said["pipe.py"]
    assert "not a regular file" in said["folder.py"]
    assert "`bytes.py`, line 2: it is not text in UTF-8" in said["bytes.py"]
    assert "longer than 1024 KiB" in said["long.py"]


@pytest.mark.parametrize(("uid", "is_fine"), [(os.geteuid(), True), (0, True), (os.geteuid() + 4711, False)])
def test_only_the_user_and_root_are_trusted(uid: int, is_fine: bool) -> None:
    found = os.stat_result((stat.S_IFREG | 0o600, 1, 1, 1, uid, 0, 10, 0, 0, 0))
    if is_fine:
        require_owned(found)
        return
    with pytest.raises(Fault, match="own_belongs"):
        require_owned(found)


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "strategies") == ([], [])


# Packages.


def entry_of(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """An entry point whose package is on the path of this process and of its children."""
    package = folder / f"firm_{name}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rules.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    information = folder / "firm-1.0.dist-info"
    information.mkdir(exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: firm\nVersion: 1.0\n")
    value = f"firm_{name}.rules:positions"
    (information / "entry_points.txt").write_text(f"[optimize_bot.strategies]\n{name} = {value}\n")
    return EntryPoint(name=name, value=value, group="optimize_bot.strategies")


def test_a_package_brings_strategies_by_its_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_of(tmp_path, "firm_dip", slow_path("firm_dip", "return bars.close * 0"), monkeypatch)
    found = load_plugins(PluginKinds.PACKAGES, tmp_path / "strategies", reserved=reserved_words(), bounds=QUICK)

    assert [one.key for one in found.strategies] == ["firm_dip"]

    rules = tmp_path / "firm_firm_dip" / "rules.py"
    rules.write_text(rules.read_text() + "\n# changed\n")
    again = load_again(found.sources)

    assert not again.strategies
    assert "its package changed while the bot was running" in worded(again.refused[0])
    assert again.refused[0].facts["name"] == "firm_dip"


def test_an_entry_point_without_its_module_is_refused() -> None:
    entry = EntryPoint(name="gone", value="no_such_module_at_all:x", group="optimize_bot.strategies")
    sources, [refusal] = read_packages([entry])

    assert not sources
    assert "there is no module `no_such_module_at_all`" in worded(refusal)


def test_the_made_up_bars_are_the_same_at_every_trial() -> None:
    one, other = made_up_bars(), made_up_bars()

    assert one.data_hash == other.data_hash
    assert len(one) == 1500
    assert np.all(one.low <= np.minimum(one.open, one.close))
    assert np.all(one.high >= np.maximum(one.open, one.close))


def test_sources_cross_to_a_worker_as_one_line() -> None:
    source = PluginSource(name="dip.py", path="/x/dip.py", digest="00", text="x = '\n'", seconds={"dip": 0.001})
    message = Configure(mongodb_uri="none", snapshots=Path("/x"), own=(source,))

    assert "\n" not in encode(message)
    assert decode_request(encode(message)) == message
