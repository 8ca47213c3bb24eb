"""Shootouts: the library, configs and plans, and imports from TONE3000."""
