"""The spec: its schema, the grammar of chains and the checks."""
