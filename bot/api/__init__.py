"""JSON API over HTTP for programs, described by its own OpenAPI document.

Loaded by `serve` only; importing this package alone loads nothing.
"""
