"""Verbs that keep an installation for years: backup, restore, prune, move, warm."""
