"""Intervals cover what they should, and the same sample gives the same interval everywhere."""

import pytest

from sim.rng import Stream
from sim.statistics import mean, mean_difference, quantile, quantile_difference, wilson


def test_wilson_agrees_with_published_figures() -> None:
    # Newcombe 1998, table I: 81 of 263, score interval 0.2553 to 0.3662.
    estimate = wilson(81, 263)
    assert estimate.low == pytest.approx(0.2553, abs=5e-5)
    assert estimate.high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_never_leaves_the_unit_interval() -> None:
    assert wilson(0, 20).low == 0.0
    assert 0.0 < (wilson(0, 20).high or 0) < 0.2
    assert wilson(20, 20).high == 1.0


def test_nothing_is_estimated_from_nothing() -> None:
    assert wilson(0, 0).value is None
    assert mean([], 1).value is None
    assert quantile([], 0.5, 1).value is None
    assert quantile_difference([], 0.5, 1).value is None


def test_one_run_has_no_spread() -> None:
    assert mean([4.0], 1)[:3] == (4.0, 4.0, 4.0)
    assert quantile_difference([(1.0, 3.0)], 0.5, 1)[:3] == (2.0, 2.0, 2.0)


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    luck = Stream(5)
    covered = 0
    for seed in range(100):
        sample = [luck.exponential(10.0) for _ in range(60)]
        estimate = mean(sample, seed)
        covered += (estimate.low or 0) <= 10.0 <= (estimate.high or 0)
    assert 86 <= covered <= 100


def test_pairs_on_the_same_luck_are_compared_more_sharply_than_strangers() -> None:
    luck = Stream(3)
    firsts = [luck.uniform(0, 100) for _ in range(80)]
    paired = mean_difference([(first, first + 1.0) for first in firsts], 1)
    strangers = mean_difference([(first, luck.uniform(0, 100) + 1.0) for first in firsts], 1)
    assert (paired.high or 0) - (paired.low or 0) < 0.001 * ((strangers.high or 0) - (strangers.low or 0)) + 1e-9
    assert paired.value == pytest.approx(1.0)


def test_quantile_difference_resamples_pairs_together() -> None:
    pairs = [(float(n), float(n) + 5.0) for n in range(50)]
    estimate = quantile_difference(pairs, 0.9, 2)
    assert estimate[:3] == pytest.approx((5.0, 5.0, 5.0))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    sample = [float(n * n % 17) for n in range(40)]
    assert mean(sample, 1) == mean(sample, 1)
    assert mean(sample, 1) != mean(sample, 2)


def test_blocks_of_a_large_sample_do_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = [float(n * n % 101) for n in range(300)]
    whole = quantile(sample, 0.95, 4)
    monkeypatch.setattr("sim.statistics.CELLS_MAX", 9_000)
    assert quantile(sample, 0.95, 4) == whole
