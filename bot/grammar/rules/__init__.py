"""Rules in words within a command."""
