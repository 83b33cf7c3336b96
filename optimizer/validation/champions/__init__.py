"""A champion against its challenger."""
