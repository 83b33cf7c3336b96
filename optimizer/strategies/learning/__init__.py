"""Strategies that learn: their rules read rows that are fitted on the bars before."""
