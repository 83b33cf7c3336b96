"""What each target refuses: the part by its name, with a reason and something that works."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizer.domain.study_request import Account, Costs
from reports.exports.limits import Target
from reports.exports.programs import write_program
from reports.exports.refusals import NotExpressible
from reports.render import renderer_of
from tests.fixed_rules import FIXED_RULES
from tests.reports.exports.winners import Case, case_of, cases

ALL = set(Target)
#: A part as it is typed, the wish for it, and the targets that have it.
PARTS: dict[str, tuple[dict[str, Any], set[Target]]] = {
    "stop": ({"stop": 8}, {Target.PYTHON, Target.BACKTESTING, Target.VECTORBT}),
    "take": ({"take": 8}, {Target.PYTHON, Target.VECTORBT}),
    "trail": ({"trail": 8}, {Target.PYTHON, Target.BACKTESTING, Target.VECTORBT}),
    "max_hold": ({"max_hold": 20}, ALL - {Target.FREQTRADE}),
    "voltarget": ({"voltarget": 15}, {Target.PYTHON, Target.BACKTESTING, Target.VECTORBT}),
    "trend": ({"trend": 200}, ALL),
    "short": ({"allow_short": True}, ALL),
    "tax": ({"costs": Costs(tax_bps=20)}, ALL - {Target.PINE}),
    "borrow": ({"costs": Costs(borrow=0.03)}, {Target.PYTHON, Target.FREQTRADE}),
    "per_share": (
        {"costs": Costs(per_share=0.01), "account": Account(capital=10_000)},
        {Target.PYTHON, Target.FREQTRADE},
    ),
    "min_fee": ({"costs": Costs(least_fee=1), "account": Account(capital=10_000)}, {Target.PYTHON, Target.FREQTRADE}),
    "whole": ({"account": Account(capital=10_000, is_whole=True)}, {Target.PYTHON, Target.FREQTRADE}),
    "rf": ({"account": Account(interest=0.03)}, {Target.PYTHON, Target.FREQTRADE}),
    "rf=^IRX": ({"account": Account(interest_symbol="^IRX")}, set()),
    "mode=shared": ({"partners": ("MSFT",)}, set()),
    "timeframe=45m": ({"timeframe": "45m"}, ALL - {Target.FREQTRADE}),
}


def refusal_of(case: Case, target: str) -> NotExpressible | None:
    """Return why a program cannot be written, or None where it was."""
    try:
        write_program(case.winner, target)
    except NotExpressible as refusal:
        return refusal
    return None


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_written_or_refused_by_its_name(part: str, target: Target) -> None:
    wishes, targets = PARTS[part]
    refusal = refusal_of(case_of("rsi", **wishes), target)

    if target in targets:
        assert refusal is None
        return
    assert refusal is not None
    facts = refusal.facts
    assert (facts["target"], facts["part"], facts["study"]) == (target, part, "opt-7f3a")
    assert f"`export opt-7f3a {facts['instead']}`" in str(renderer_of("en").error(refusal))
    assert f"`export opt-7f3a {facts['instead']}`" in str(renderer_of("ko").error(refusal))


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("part", PARTS)
def test_what_is_named_instead_works(part: str, target: Target) -> None:
    case = case_of("rsi", **PARTS[part][0] | {"allow_short": True})
    refusal = refusal_of(case, target)

    if refusal is not None and refusal.facts["instead"] != "trades":
        assert refusal_of(case, str(refusal.facts["instead"])) is None


def test_of_several_parts_something_is_named_that_has_them_all() -> None:
    case = case_of("rsi", take=8, account=Account(interest=0.03))
    refusal = refusal_of(case, Target.BACKTESTING)

    assert refusal is not None
    assert refusal.facts["instead"] == "python"


@pytest.mark.slow
def test_programs_in_python_are_formatted_and_have_nothing_unused_or_unknown(tmp_path: Path) -> None:
    for name, case in cases():
        for target in set(Target) - {Target.PINE}:
            if refusal_of(case, target) is None:
                (tmp_path / f"{name.replace('-', '_')}_{target}.py").write_text(write_program(case.winner, target))

    ruff = [sys.executable, "-m", "ruff"]
    for words in (
        ["check", "--select", "F,E,W,I,B", "--line-length", "120"],
        ["format", "--check", "--line-length", "120"],
    ):
        done = subprocess.run([*ruff, *words, "--isolated", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("key", FIXED_RULES)
def test_lines_of_a_program_are_short_enough_to_read(key: str, target: Target) -> None:
    text = write_program(case_of(key, allow_short=True, trend=200).winner, target)

    assert [line for line in text.splitlines() if len(line) > 120] == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
