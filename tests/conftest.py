"""What holds for every test: how hard Hypothesis tries, and that a busy machine is no failure."""

from hypothesis import HealthCheck, settings

# No deadline per example: a shared core says nothing about the code. `make bench` measures.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")
