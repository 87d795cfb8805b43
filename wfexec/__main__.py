"""`python -m wfexec` is the command line."""

from wfexec.cli.entry import main

if __name__ == "__main__":
    main()
