"""Nouns, frozen: the two kinds, snapshot, plan, signals, reasons, phases and step states."""
