"""A job's events on their way to clients: pub/sub, event hub, job stream, tickets."""
