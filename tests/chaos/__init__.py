"""What breaks in the life of a bot, done to it on purpose: `python -m tests.chaos` prints the figures."""
