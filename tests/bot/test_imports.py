"""What a command imports: starting must not wait for what it does not use."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: Compilers, statistics and pictures belong to the worker and the drawing process, web servers to `serve`.
HEAVY = {"numba", "scipy", "talib", "arch", "matplotlib", "sklearn", "fastapi", "slack_bolt", "yfinance"}


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("bot.__main__", set()),
        ("bot.__main__, bot.cli.run", set()),
        ("bot.__main__, bot.cli.data", set()),
        ("bot.__main__, bot.cli.serve", {"fastapi", "slack_bolt"}),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(modules: str, needed: set[str]) -> None:
    program = f"import sys, {modules}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert HEAVY & set(done.stdout.split()) == needed
