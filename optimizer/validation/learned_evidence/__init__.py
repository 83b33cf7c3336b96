"""What a strategy that learns found, measured: each kind has a module, and `report` asks the right one."""
