"""Facts into words and pictures; no I/O but reading templates."""
