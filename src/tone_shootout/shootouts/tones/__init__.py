"""TONE3000's library through the user's own connection: lists, search and imports."""
