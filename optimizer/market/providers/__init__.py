"""Sources of bars, one file per source."""
