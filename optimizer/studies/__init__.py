"""Studies as a service: creating, running on workers, replaying."""
