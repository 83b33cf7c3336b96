"""Strategies whose rule is fixed: they trade on any bars and can be written as programs; those that learn need not."""

from optimizer.strategies.registry import STRATEGIES

FIXED_RULES = tuple(key for key, strategy in STRATEGIES.items() if strategy.learned is None)
