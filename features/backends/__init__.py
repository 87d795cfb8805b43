"""The two worlds in which the same scenarios run."""
