"""`optimize-bot doctor`: check everything, and report how to fix what is wrong."""

import argparse

from rich.console import Console

from bot.ops.health_checks import (
    HealthReport,
    Probe,
    bad,
    probe_desk,
    probe_installations,
    probe_learners,
    probe_slack,
    probe_sources,
    probe_strategies,
)
from bot.ops.operator_probes import probe_operation, probe_port
from bot.runtime.own_strategies import load_own_strategies
from bot.runtime.processes import ChildProcesses, start_children
from bot.runtime.services import open_services
from bot.runtime.settings import Settings
from optimizer.errors import Phrase, UserError
from reports.render import Renderer, renderer_of
from reports.text.terminal import unmarked

_MARKS = {HealthReport.GOOD: "[green]✓[/]", HealthReport.WARNING: "[yellow]![/]", HealthReport.BAD: "[red]✗[/]"}


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Probe and print; returns 0 when nothing is wrong."""
    console = Console(highlight=False)
    load_own_strategies(settings)
    probes = [*await probe_slack(settings), *probe_sources(settings), *probe_strategies(), *probe_learners()]
    probes.append(probe_port(settings))
    try:
        async with start_children(settings, verb="doctor") as started, open_services(settings, started) as services:
            probes += [*await probe_desk(services), *await probe_operation(services)]
            probes += await probe_installations(settings)
    except UserError as error:
        probes.append(bad("data_directory", error, Phrase("doctor_again")))
    renderer = renderer_of(settings.language)
    for probe in probes:
        _print(console, probe, renderer)
    return 1 if any(probe.health is HealthReport.BAD for probe in probes) else 0


def _print(console: Console, probe: Probe, renderer: Renderer) -> None:
    console.print(f"{_MARKS[probe.health]} ", end="")
    console.print(unmarked(f"{renderer.phrase(probe.name)}: {renderer.phrase(probe.result)}"), markup=False)
    if probe.remedy:
        # Without line breaks of our own: a long address stays one that can be opened.
        console.print("    " + unmarked(renderer.phrase(probe.remedy)), markup=False, soft_wrap=True)
