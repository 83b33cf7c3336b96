"""Is the result real? Statistics, walk-forward, verdict."""
