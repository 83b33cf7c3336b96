"""Forms in Slack: their views, and what was submitted read as the words of a command."""
