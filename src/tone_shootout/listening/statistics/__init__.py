"""Statistics of listening tests: pure functions, without web, database or clock (`docs/listening-tests.md`)."""
