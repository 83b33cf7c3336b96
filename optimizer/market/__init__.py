"""Market data: the warehouse, where bars come from, whether they may be trusted, and what is computed of them.

Read `history` (what a source delivers), `bars` (the warehouse), `feed` (warehouse first, source for what is
missing), `quality` (the sentinel), `snapshots` (what a study is given).
"""
