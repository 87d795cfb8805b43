"""Same seed, same digest: in another process, under another hash seed, in both depths, with any number of jobs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cluster.cluster import Depth
from sim.scenario import Run, play
from tests.determinism.examples import EXAMPLES, example

ROOT = Path(__file__).parents[2]
CASES = sorted(
    (folder.parent.name, executor.name)
    for folder in EXAMPLES.glob("*/workflow.yaml")
    for executor in folder.parent.glob("*.yaml")
    if executor.name not in ("workflow.yaml", "objects.yaml")
)
SCRIPT = """
import sys
from tests.determinism.test_digests import CASES, played
for folder, executor in CASES:
    print(folder, executor, played(folder, executor).digest())
"""


def played(folder: str, executor: str, depth: Depth = Depth.SHARED, seed: int = 5) -> Run:
    made = example(folder, executor)
    return play(made._replace(options=made.options._replace(seed=seed, depth=depth)))


def elsewhere(script: str, hash_seed: str, *words: str) -> str:
    """What the script prints in a process of its own with another order of sets."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    return done.stdout


def test_there_are_cases() -> None:
    assert len(CASES) >= 6


def test_two_processes_with_different_hash_seeds_agree() -> None:
    one, two = elsewhere(SCRIPT, "1"), elsewhere(SCRIPT, "4242")
    assert one.count("\n") == len(CASES)
    assert one == two


@pytest.mark.parametrize(("folder", "executor"), CASES)
def test_both_depths_leave_the_same_digest_and_keep_every_promise(folder: str, executor: str) -> None:
    shared, wire = played(folder, executor), played(folder, executor, Depth.WIRE)
    assert shared.complaints == ()
    assert shared.digest() == wire.digest()


def test_another_seed_is_another_run() -> None:
    assert played(*CASES[0]).digest() != played(*CASES[0], seed=6).digest()


STUDY = """
import sys, orjson
from pathlib import Path
from sim.report_study import document, verdicts
from sim.study import conduct, load_study, pool
if __name__ == "__main__":
    study = load_study(Path("examples/studies/rollback-policies.yaml"), runs=6)
    with pool(int(sys.argv[1])) as executor:
        samples = conduct(study, executor, int(sys.argv[1]), lambda count: None)
    sys.stdout.write(orjson.dumps(document(study, verdicts(study, samples), samples)).decode())
"""


def test_a_study_has_the_same_bytes_for_any_number_of_jobs_in_any_process() -> None:
    assert elsewhere(STUDY, "1", "1") == elsewhere(STUDY, "77", "2")
