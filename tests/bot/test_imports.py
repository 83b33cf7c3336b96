"""What a command imports: starting must not wait for what it does not use."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: Compilers, statistics and pictures belong to the worker and the drawing process, tables to those who write them.
COMPUTING = {"numba", "scipy", "talib", "arch", "matplotlib", "sklearn", "optuna", "pandas", "exchange_calendars"}
#: Servers belong to `serve`, clients to who asks others.
ONLINE = {"fastapi", "slack_bolt", "slack_sdk", "aiohttp", "yfinance"}


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("bot.__main__", set()),
        ("bot.__main__, bot.cli.run", set()),
        ("bot.__main__, bot.cli.data", set()),
        ("reports.__main__", {"matplotlib"}),
        ("bot.__main__, bot.cli.serve", {"fastapi", "slack_bolt", "slack_sdk", "aiohttp"}),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(modules: str, needed: set[str]) -> None:
    program = f"import sys, {modules}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert (COMPUTING | ONLINE) & set(done.stdout.split()) == needed


def test_a_run_in_a_terminal_loads_what_words_its_result_beside_the_search() -> None:
    program = "import sys, bot.__main__, bot.cli.run; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not {"jinja2", "rich.console", "reports.render"} & set(done.stdout.split())
