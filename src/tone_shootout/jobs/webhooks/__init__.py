"""Webhooks: signed messages about a user's jobs to the user's own endpoints, by Standard Webhooks 1.0."""
