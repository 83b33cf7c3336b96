"""Winners as programs of other systems: one tree of rules for each strategy, and writers that all read it."""
