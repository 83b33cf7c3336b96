"""What is said about a market's present and what may follow, for anybody who asks and outside of any study."""
