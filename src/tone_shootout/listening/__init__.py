"""Shares of finished jobs, listening tests on them, and their statistics."""
