"""Work by the clock: scheduled searches, champions, the refresh of bars."""
