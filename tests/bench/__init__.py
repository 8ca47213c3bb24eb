"""Benchmarks: `python -m tests.bench` runs them, prints the results and writes docs/benchmarks.md."""
