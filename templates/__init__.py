"""Templates of messages and reports, one folder per language."""
