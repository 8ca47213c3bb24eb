"""Tone Shootout: compare guitar tones honestly."""
