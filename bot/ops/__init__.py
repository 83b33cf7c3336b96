"""What keeps the bot running: health, watchdog, lease, metrics."""
