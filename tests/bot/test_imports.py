"""What a command imports: starting must not wait for what it does not use."""

import subprocess
import sys

import pytest

#: Compilers, statistics and pictures belong to the worker and the drawing process, web servers to `serve`.
HEAVY = {"numba", "scipy", "talib", "arch", "matplotlib", "sklearn", "fastapi", "slack_bolt", "yfinance"}


@pytest.mark.parametrize("modules", ["bot.__main__", "bot.__main__, bot.console", "bot.__main__, bot.data"])
def test_a_terminal_command_imports_nothing_heavy(modules: str) -> None:
    program = f"import sys, {modules}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert HEAVY & set(done.stdout.split()) == set()
