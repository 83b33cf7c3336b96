"""Where bars come from: one file per source."""
