"""PostgreSQL and Valkey out of their wheels, for one machine with nothing installed."""
