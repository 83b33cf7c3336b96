"""Our backtests beside those of engines other people wrote."""
