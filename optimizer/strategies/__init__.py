"""The strategies: one file each, found through `registry`."""
