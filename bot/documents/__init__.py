"""Documents of the bot in MongoDB, by owner."""
