"""Compiled tree-structured Parzen estimator."""
