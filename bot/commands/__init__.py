"""What each command does, one function per verb."""
