"""Which functions can carry out a sentence? As pytest-bdd finds it, without asking pytest for every fixture each time.

At every step pytest-bdd 9 walks through all fixtures that pytest knows, which costs more than most simulated scenarios.
Our sentences are plugins, the same for every test: they are looked for once, and each sentence is matched once.
Installed by `features.conftest`; held against the library by `features.test_lookup`.
"""

import importlib
from typing import Any, Final

from _pytest.fixtures import FixtureDef, FixtureManager
from _pytest.nodes import Node
from pytest_bdd.compat import get_fixture_names
from pytest_bdd.parser import Step
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

# By its name: the package has a function that is called like the module.
_LIBRARY: Final[Any] = importlib.import_module("pytest_bdd.scenario")
BY_LIBRARY: Final = _LIBRARY.find_fixturedefs_for_step


class Lookup:
    """`find` takes the place of the library's search."""

    def __init__(self) -> None:
        self._definitions: list[tuple[FixtureDef[Any], StepFunctionContext]] = []
        self._found: dict[tuple[str, str], list[FixtureDef[Any]]] = {}

    def find(self, step: Step, fixturemanager: FixtureManager, node: Node) -> list[FixtureDef[Any]]:
        key = (step.type, step.name)
        if key not in self._found:
            known = self._all(fixturemanager, node)
            self._found[key] = [one for one, context in known if _fits(context, step)]
        return self._found[key]

    def _all(self, fixturemanager: FixtureManager, node: Node) -> list[tuple[FixtureDef[Any], StepFunctionContext]]:
        if not self._definitions:
            for name in get_fixture_names(fixturemanager=fixturemanager):
                known = fixturemanager.getfixturedefs(name, node) or ()
                self._definitions += [
                    (one, step_function_context_registry[one.func])
                    for one in known
                    if one.func in step_function_context_registry
                ]
        return self._definitions


def _fits(context: StepFunctionContext, step: Step) -> bool:
    return context.type in (None, step.type) and context.parser.is_matching(step.name)


def install() -> None:
    _LIBRARY.find_fixturedefs_for_step = Lookup().find
