"""How messages reach Slack: the outbox and the conversations that it carries."""
