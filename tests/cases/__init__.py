"""Small inputs as people have them, each with its right answer."""
