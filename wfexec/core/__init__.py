"""Verbs that decide, pure: no clock, no chance, no I/O."""
