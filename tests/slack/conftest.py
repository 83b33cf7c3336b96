"""The local Slack, tested with its own fixture."""

from tests.slack.fixtures import slack

__all__ = ["slack"]
