"""The command line; other packages add commands through the wfexec.commands entry points."""
