"""Kinds of files: each is read right, or refused in words."""
