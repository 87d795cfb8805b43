"""The command `wfexec`, as it is called: whenever Ctrl-C comes, it ends with 130 and without a traceback.

What the command line imports takes most of the first second, and no import can deal with an interrupt. Nothing has
begun by then, so the process just ends; afterwards the command itself is told.
"""

import os
import signal
import sys
from typing import Final

INTERRUPTED: Final = 128 + signal.SIGINT


def main() -> None:
    # Whoever starts us in the background may have chosen that interrupts are none of ours.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(INTERRUPTED))
    from wfexec.cli.main import main as command

    try:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
