"""The gate lets in what Slack signed, now, and once."""

import hashlib
import hmac

import pytest

from bot.slack.request_guard import TOLERANCE, ReplayGuard

NOW, BODY = 1_800_000_000.0, b"command=%2Foptimize"


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def signed(moment: float, body: bytes = BODY, secret: str = "secret") -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"v0:{int(moment)}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": str(int(moment)), "x-slack-signature": f"v0={digest}"}


def test_request_is_admitted_once() -> None:
    gate = ReplayGuard("secret", Clock())

    assert gate.accepts(signed(NOW), BODY)
    assert not gate.accepts(signed(NOW), BODY)
    assert gate.accepts(signed(NOW + 1), BODY)  # Slack's redelivery is signed anew


@pytest.mark.parametrize("age", [0, TOLERANCE - 1, -TOLERANCE + 1])
def test_replay_is_refused_for_as_long_as_its_moment_is_taken(age: int) -> None:
    clock = Clock()
    gate, headers = ReplayGuard("secret", clock), signed(NOW - age)
    assert gate.accepts(headers, BODY)

    for _ in range(2 * TOLERANCE + 2):
        clock.now += 1
        assert not gate.accepts(headers, BODY)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(NOW, secret="guess"), BODY),
        (signed(NOW), BODY + b"&text=more"),
        (signed(NOW - TOLERANCE - 1), BODY),
        (signed(NOW + TOLERANCE + 2), BODY),
        ({}, BODY),
        (signed(NOW) | {"x-slack-signature": ""}, BODY),
        (signed(NOW) | {"x-slack-signature": "v0=é"}, BODY),
        (signed(NOW) | {"x-slack-request-timestamp": "now"}, BODY),
        (signed(NOW) | {"x-slack-request-timestamp": "٣"}, BODY),
        (signed(NOW) | {"x-slack-request-timestamp": "9" * 5000}, BODY),
        (signed(NOW), b"\xff\xfe"),
    ],
)
def test_forged_or_stale_request_is_refused(headers: dict[str, str], body: bytes) -> None:
    assert not ReplayGuard("secret", Clock()).accepts(headers, body)


def test_what_is_remembered_stays_small() -> None:
    clock = Clock()
    gate = ReplayGuard("secret", clock)
    for _ in range(3 * TOLERANCE):
        clock.now += 1
        assert gate.accepts(signed(clock.now), BODY)

    assert gate.n_remembered <= TOLERANCE + 2


def test_refused_requests_are_not_remembered() -> None:
    gate = ReplayGuard("secret", Clock())
    for i in range(100):
        gate.accepts(signed(NOW, secret=f"guess{i}"), BODY)

    assert gate.n_remembered == 0
