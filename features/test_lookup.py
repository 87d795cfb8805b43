"""Is every sentence carried out by the function that pytest-bdd itself would take?"""

import pytest

from features.lookup import BY_LIBRARY, Lookup
from tests.determinism.stage import parts


def test_sentences_are_found_as_the_library_finds_them(request: pytest.FixtureRequest) -> None:
    steps = {(step.type, step.name): step for part in parts() for step in part.scenario.steps}
    lookup = Lookup()
    # The library takes its time; a prime, so that no feature is left out.
    for step in list(steps.values())[::37]:
        expected = list(BY_LIBRARY(step, request._fixturemanager, request.node))
        assert expected, step
        for _ in range(2):
            assert lookup.find(step, request._fixturemanager, request.node) == expected
