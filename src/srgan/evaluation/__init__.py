"""Benchmarks: test sets, measurements, reports."""
