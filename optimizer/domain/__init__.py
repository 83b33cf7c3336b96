"""The vocabulary that everything else shares: bars, spaces, measures, requests, results."""
