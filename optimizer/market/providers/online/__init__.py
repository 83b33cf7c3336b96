"""Sources that are asked over a network."""
