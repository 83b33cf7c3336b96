"""`optimize-bot doctor`: try everything, and say how to mend what is wrong."""

import argparse

from rich.console import Console

from bot.children import started
from bot.composition import open_desk
from bot.probes import Health, Probe, bad, probe_desk, probe_slack
from bot.settings import Settings
from optimizer.errors import UserError

_MARKS = {Health.GOOD: "[green]✓[/]", Health.WARNING: "[yellow]![/]", Health.BAD: "[red]✗[/]"}


async def run(options: argparse.Namespace, settings: Settings) -> int:
    """Probe and print; 0 when nothing is wrong."""
    console = Console(highlight=False)
    probes = await probe_slack(settings)
    try:
        async with started(settings) as children, open_desk(settings, children) as desk:
            probes += await probe_desk(desk)
    except UserError as error:
        probes.append(bad("Data directory", str(error), "Then run `optimize-bot doctor` again."))
    for probe in probes:
        _print(console, probe)
    return 1 if any(probe.health is Health.BAD for probe in probes) else 0


def _print(console: Console, probe: Probe) -> None:
    console.print(f"{_MARKS[probe.health]} ", end="")
    console.print(f"{probe.name}: {probe.said}", markup=False)
    if probe.remedy:
        console.print(f"    {probe.remedy}", markup=False)
