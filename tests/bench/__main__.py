"""`python -m tests.bench`: measure everything, print the table, keep it in build/bench.json."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import deciding, live, planning, rows, throughput, waiting
from tests.bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", help="where to keep the figures")
    parser.add_argument("--without-server", action="store_true", help="leave out what needs the real API server")
    options = parser.parse_args(arguments)
    sizes = throughput.Sizes()
    parts: list[tuple[str, Callable[[], list[Row]]]] = [
        ("simulation", lambda: throughput.measure(sizes)),
        ("decisions", deciding.measure),
        ("planning", planning.measure),
        ("waiting for approval", lambda: waiting.measure(waiting.Sizes())),
    ]
    if not options.without_server:
        parts.append(("real API server", live.measure))
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
        "seconds": round(took, 1),
    }
    rows.keep(options.json, found, about)
    print(rows.table(found))
    print(f"\n{took:.0f} s; Python {about['python']}, {about['cores']} cores; kept in {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
