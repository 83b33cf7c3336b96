"""Parts of a process: settings, child processes, services."""
