"""`python -m tests.bench`: measure everything, print the table, keep it in build/bench.json."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import crowd, deciding, live, planning, rows, throughput, waiting
from tests.bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", help="where to keep the figures")
    parser.add_argument("--without-server", action="store_true", help="leave out what needs the real API server")
    parser.add_argument("--only-server", action="store_true", help="leave out what does not need it")
    whole = crowd.Sizes()
    parser.add_argument(
        "--crowd", type=int, default=whole.workflows, metavar="N", help="workflows at once on the real API server"
    )
    parser.add_argument("--held", type=int, default=whole.held, metavar="N", help="in flight at the restart there")
    options = parser.parse_args(arguments)
    sizes = throughput.Sizes()
    parts: list[tuple[str, Callable[[], list[Row]]]] = [
        ("simulation", lambda: throughput.measure(sizes)),
        ("decisions", deciding.measure),
        ("planning", planning.measure),
        ("waiting for approval", lambda: waiting.measure(waiting.Sizes())),
    ]
    if options.only_server:
        parts.clear()
    if not options.without_server:
        chosen = whole._replace(workflows=options.crowd, held=options.held)
        parts.append(("real API server", live.measure))
        parts.append(("many workflows on the real API server", lambda: crowd.measure(chosen)))
    found: list[Row] = []
    began = time.monotonic()
    for title, part in parts:
        print(f"measuring: {title}", file=sys.stderr, flush=True)
        found += part()
    took = time.monotonic() - began
    about = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "seconds": round(took, 1),
    }
    rows.keep(options.json, found, about)
    print(rows.table(found))
    where = f"Python {about['python']}, {about['cores']} cores, load {about['load']}"
    print(f"\n{took:.0f} s; {where}; kept in {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
