"""What holds for every test: how hard Hypothesis tries, and that a busy machine is no failure."""

import os

from hypothesis import HealthCheck, settings

# No deadline per example: a shared core says nothing about the code. `make bench` measures.
# On CI the same examples for the same code: what a new draw finds is for whoever sits before it to look at.
settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("house")
