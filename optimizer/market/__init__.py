"""Market data: the warehouse, where bars come from, whether they may be trusted.

Read `raw_bars` (what a source delivers), `warehouse`, `feed` (the warehouse first, a source for what is missing),
`quality` (the checks before a study) and `snapshots` (the immutable copy that a study runs on).
"""
