"""Data, strategies, backtests, searches and their validation, independent of users and messages."""
