"""Pictures of a study and what is needed to draw them in another process."""
