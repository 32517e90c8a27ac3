"""Benchmarks, each one command: `make bench-NAME`; never part of the tests."""
