"""The search for good parameters: samplers, scoring, the loop."""
