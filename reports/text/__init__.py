"""Numbers and sentences as people read them, for Slack and terminals."""
