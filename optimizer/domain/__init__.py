"""Shared types: bars, spaces, measures, requests, results."""
