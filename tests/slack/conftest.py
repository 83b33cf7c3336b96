"""The local Slacks, tested with their own fixtures."""

from tests.slack.fixtures import any_slack, pytest_collection_modifyitems, slack

__all__ = ["any_slack", "pytest_collection_modifyitems", "slack"]
