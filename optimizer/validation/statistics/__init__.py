"""Statistics of arrays of returns, pure functions: is a backtest's result more than luck?"""
