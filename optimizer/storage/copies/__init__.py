"""Copies of what is stored: a whole database, and bars for workers on other machines."""
