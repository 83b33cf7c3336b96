"""Rules in words: `buy when rsi < 30 and close > sma(200); sell when rsi > 55`, read, written and made a strategy."""
