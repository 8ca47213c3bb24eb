"""The audit log: security events and what administrators do."""
