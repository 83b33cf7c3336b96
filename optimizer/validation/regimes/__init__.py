"""What regimes have to do with a result: its table by regime, and what a split by regime is worth."""
