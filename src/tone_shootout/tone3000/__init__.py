"""TONE3000: its sign-in, its API and its files, as a client sees them."""
