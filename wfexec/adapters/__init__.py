"""The only I/O of the product: transport, clock, metrics, HTTP servers, logging."""
