"""Client of TONE3000: OAuth, API and file downloads."""
