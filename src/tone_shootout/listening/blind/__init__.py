"""Listening tests: blind questions about the segments of a share, answered without an account."""
