"""Web pages: rendered on the server, read-only but for three buttons, better with JavaScript.

`app.build_pages` makes the one app that `bot.cli.serve` mounts beside Slack's route and the API.
"""
