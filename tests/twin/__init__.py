"""Both drivers, the same script."""
