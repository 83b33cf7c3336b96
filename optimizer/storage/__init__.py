"""MongoDB: connection, embedded server, studies and trials."""
