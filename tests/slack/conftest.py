"""The local Slacks, tested with their own fixtures and with scopes that no change of the manifest moves."""

import pytest

from tests.slack.fixtures import any_slack, slack

__all__ = ["any_slack", "slack"]

SCOPES = "app_mentions:read channels:history chat:write commands files:write groups:history im:history usergroups:read"


@pytest.fixture
def bot_scopes() -> frozenset[str]:
    """The scopes the tests of this folder are written for."""
    return frozenset({*SCOPES.split(), "users:read"})
