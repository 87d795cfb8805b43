"""One suite for every API server that stands in for another: the fake in process, the fake over HTTP, the real one."""
