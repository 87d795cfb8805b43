"""What does a workflow cost? `make bench` measures it and prints a table; see docs/bench.md."""
