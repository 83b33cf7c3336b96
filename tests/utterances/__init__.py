"""What people write, and what must come of it."""
