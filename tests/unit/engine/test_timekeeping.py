"""Is a clock right, by what a reply says of the time?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfexec.engine.timekeeping import SECOND_MS, TOLERANCE_MS, ahead_ms

NOON = 1_767_225_600_000


@pytest.mark.parametrize(
    ("now", "ahead"),
    [
        (NOON, 0),
        (NOON + 999, 0),
        (NOON + TOLERANCE_MS + 500, 0),
        (NOON + TOLERANCE_MS + 501, TOLERANCE_MS + 1),
        (NOON - TOLERANCE_MS + 500, 0),
        (NOON - TOLERANCE_MS + 499, -TOLERANCE_MS - 1),
        (NOON + 300_500, 300_000),
        (NOON - 299_500, -300_000),
    ],
)
def test_a_difference_that_a_reply_cannot_explain_is_told(now: int, ahead: int) -> None:
    assert ahead_ms(now, NOON) == ahead


@given(true=st.integers(NOON, 2 * NOON), off=st.integers(-(10**9), 10**9), way=st.integers(0, SECOND_MS // 2))
def test_whoever_takes_it_back_is_right_to_the_tolerance(true: int, off: int, way: int) -> None:
    """Whatever the way of the reply took."""
    now = true + way + off
    told = ahead_ms(now, true - true % SECOND_MS)
    assert abs(now - told - (true + way)) <= TOLERANCE_MS + SECOND_MS
    # What was taken back is not found again.
    assert ahead_ms(now - told, true - true % SECOND_MS) == 0
