"""Luck is named by its cause and by nothing else."""

import subprocess
import sys
from statistics import mean, median

import pytest

from sim.rng import Streams


def test_a_cause_has_its_own_luck_whatever_else_was_drawn() -> None:
    alone = Streams(7).uniform("duration", "recover", 3, 1)
    crowd = Streams(7)
    for number in range(50):
        crowd.uniform("duration", "recover", number, 2)
    assert crowd.uniform("duration", "recover", 3, 1) == alone


@pytest.mark.parametrize(
    "other",
    [
        Streams(8).uniform("a", 3),
        Streams(7, "run", 1).uniform("a", 3),
        Streams(7).uniform("a", "3"),
        Streams(7).uniform("a", 3, ""),
        Streams(7).uniform("a3"),
    ],
)
def test_another_seed_run_or_cause_has_other_luck(other: float) -> None:
    assert Streams(7).uniform("a", 3) != other


def test_luck_is_the_same_in_every_process() -> None:
    code = "from sim.rng import Streams; s = Streams(7).of('a', 1); print([s.random() for _ in range(3)])"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    stream = Streams(7).of("a", 1)
    assert seen == {f"{[stream.random() for _ in range(3)]}\n"}


def test_distributions_have_their_shapes() -> None:
    stream = Streams(1).of("shape")
    count = 20_000
    assert mean(stream.random() for _ in range(count)) == pytest.approx(0.5, abs=0.01)
    assert mean(stream.exponential(30.0) for _ in range(count)) == pytest.approx(30.0, rel=0.03)
    assert median(stream.lognormal(20.0, 0.7) for _ in range(count)) == pytest.approx(20.0, rel=0.03)
    assert mean(stream.triangular(0.0, 3.0, 9.0) for _ in range(count)) == pytest.approx(4.0, rel=0.02)
    assert mean(stream.normal(5.0, 2.0) for _ in range(count)) == pytest.approx(5.0, abs=0.06)
    assert mean(stream.uniform(2.0, 4.0) for _ in range(count)) == pytest.approx(3.0, abs=0.02)
    assert mean(stream.chance(0.2) for _ in range(count)) == pytest.approx(0.2, abs=0.01)
    drawn = [stream.weighted("abc", (1.0, 0.0, 3.0)) for _ in range(count)]
    assert drawn.count("b") == 0
    assert drawn.count("c") / count == pytest.approx(0.75, abs=0.01)
    assert {stream.choice("xyz") for _ in range(100)} == set("xyz")


def test_a_triangle_without_width_is_a_number() -> None:
    assert Streams(1).of("t").triangular(4.0, 4.0, 4.0) == 4.0
