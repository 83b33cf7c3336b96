"""The two answers that every bank of conditions begins with."""

ALWAYS, NEVER = 0, 1
