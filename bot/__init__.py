"""Code that knows Slack, the terminal, HTTP or the clock."""
