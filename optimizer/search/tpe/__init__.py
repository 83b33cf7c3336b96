"""A compiled tree-structured Parzen estimator."""
