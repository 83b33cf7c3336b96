"""Pages for those who would rather look: rendered here, read-only but for three buttons, better with JavaScript.

`app.build_pages` makes the one app that `bot.cli.serve` mounts beside Slack's door and the API.
"""
