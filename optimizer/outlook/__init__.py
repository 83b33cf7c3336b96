"""What a market is now and what may follow: facts about regimes, forecasts, and how those of before turned out."""
