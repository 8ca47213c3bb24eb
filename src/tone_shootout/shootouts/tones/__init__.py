"""TONE3000's library through its user's own connection: looking around, and bringing files home."""
