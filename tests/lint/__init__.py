"""Breaking a rule on purpose fails the commands of `make lint`."""
