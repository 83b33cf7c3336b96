"""Grammar: text into typed commands, and back. Pure: no clock, no network, no store.

parsing.parse("AAPL RSI 200 goal=sortino maxdd<20")   → Start(specs=(StudySpec(...),), ...)
formatting.command_text(spec)                         → "/optimize AAPL rsi 200 goal=sortino maxdd<20"
"""
