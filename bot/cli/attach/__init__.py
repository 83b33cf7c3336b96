"""Commands in a terminal beside a running bot, which carries them out."""
