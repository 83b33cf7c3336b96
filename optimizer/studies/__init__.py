"""Service of studies: creating them, running them on workers, replaying them."""
