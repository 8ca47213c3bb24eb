"""Carrying a job out: runner, attempt, inputs, results and the render cache."""
