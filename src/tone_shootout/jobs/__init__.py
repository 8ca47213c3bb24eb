"""The work: the life of a job, its event log, the live channel and the worker's tasks."""
