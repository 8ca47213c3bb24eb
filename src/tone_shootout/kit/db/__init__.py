"""Database sessions, the unit of work, the base of repositories, locks and pages."""
