"""Delivery to Slack: the outbox and the conversations that it carries."""
