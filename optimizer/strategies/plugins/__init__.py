"""A person's own strategies: found on the operator's disk, tried in a process of their own, loaded once at start."""
