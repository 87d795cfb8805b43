"""How do the examples end, as `docs/examples.md` tells it?

Called by the tests that run them, in the simulated cluster and on a real API server. It must never know how a run is
made: it reads the page, and says of what was seen in which of its words it ended.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "examples.md"


class End(NamedTuple):
    """In the words of the page: phases in the order they were entered, how steps end, how many children there were."""

    phases: str
    steps: str
    children: int


class Example(NamedTuple):
    """One row; `executor` is below `examples/`."""

    executor: str
    end: End

    @property
    def executor_file(self) -> Path:
        return ROOT / "examples" / self.executor

    @property
    def manifest(self) -> Path:
        return self.executor_file.parent / "workflow.yaml"


def examples() -> list[Example]:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if ".yaml | " in line]
    return [Example(row[0], End(row[2], row[3], int(row[4]))) for row in rows]


def phases_entered(versions: Iterable[dict[str, Any]]) -> list[str]:
    """Phases in the order they were entered, without the empty one."""
    found: list[str] = []
    for version in versions:
        phase = version.get("status", {}).get("phase", "")
        if phase and found[-1:] != [phase]:
            found.append(phase)
    return found


def end_of(versions: Iterable[dict[str, Any]], children: set[str]) -> End:
    """From all versions of the workflow as JSON, oldest first, and the names of its children."""
    seen = list(versions)
    steps = seen[-1].get("status", {}).get("stepStatuses", []) if seen else []
    states = Counter(step["status"] for step in steps)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return End(", ".join(phases_entered(seen)), told, len(children))
