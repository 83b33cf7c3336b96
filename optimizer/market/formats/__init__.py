"""Kinds of files with bars: what they look like, and how each is read."""
