"""Every scenario of every feature file, on both back-ends (see `features.conftest`)."""

from pathlib import Path

import pytest
from pytest_bdd import scenarios

pytestmark = pytest.mark.usefixtures("cluster")

scenarios(*sorted(path.name for path in Path(__file__).parent.glob("*.feature")))
