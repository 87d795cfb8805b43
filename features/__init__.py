"""Scenarios by business requirement, run on both back-ends."""
