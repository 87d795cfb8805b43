"""The simulated world that runs the very same controller in virtual time."""
