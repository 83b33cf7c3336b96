"""The drawing process rests when there is nothing to draw, and comes back when there is."""

import asyncio
from pathlib import Path

import psutil
import pytest

from bot.runtime.chart_process import ChartProcess

pytestmark = pytest.mark.slow


async def test_a_process_with_nothing_to_draw_is_ended_and_started_again_when_needed(tmp_path: Path) -> None:
    charts = ChartProcess(tmp_path, _no_trials, idle_seconds=0.2)
    try:
        await charts.warm()
        first = charts.pid
        assert first is not None
        assert psutil.pid_exists(first)

        async with asyncio.timeout(20):
            while psutil.pid_exists(first):
                await asyncio.sleep(0.02)
        assert charts.pid is None

        await charts.warm()
        assert charts.pid not in (None, first)
    finally:
        await charts.stop()


async def _no_trials(_: str) -> bytes:
    return b""
