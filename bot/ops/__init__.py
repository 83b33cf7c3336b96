"""Operation of the bot: health, watchdog, lease, metrics."""
