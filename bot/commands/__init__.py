"""Listeners: the work of each command, one function per verb."""
