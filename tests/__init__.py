"""The tests, and what they need besides the three packages."""
