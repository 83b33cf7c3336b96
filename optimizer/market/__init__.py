"""Market data: sources of bars, the warehouse that stores them, and the checks of their quality.

Read `raw_bars` (bars as a source delivers them), `warehouse`, `feed` (the warehouse first, a source for missing
bars), `quality` (the checks before a study) and `snapshots` (the immutable copy that a study runs on).
"""
