"""The process pool, its tasks and their handlers."""
