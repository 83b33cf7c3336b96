"""What a process is made of: settings, child processes, services."""
