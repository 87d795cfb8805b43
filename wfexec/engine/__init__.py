"""Machines with memory and no I/O: signals in, what to do next out."""
