"""What MongoDB keeps for the bot, by owner."""
