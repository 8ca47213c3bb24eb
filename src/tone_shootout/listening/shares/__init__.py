"""Shares: finished jobs that their owners show to others."""
