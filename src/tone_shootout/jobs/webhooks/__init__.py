"""Webhooks: a user's own programs hear of the user's jobs, after Standard Webhooks 1.0."""
