"""Commands of the simulation, reached as wfexec sim ..."""
