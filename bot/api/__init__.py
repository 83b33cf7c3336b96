"""The same service over HTTP: a JSON API for programs, described by its own OpenAPI document.

Loaded by `serve` only; importing this package alone loads nothing.
"""
