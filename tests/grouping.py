"""How do tests that share something dear come to run in one worker?

A pytest plugin. `--dist loadgroup` of xdist 3.8 marks the group in the id of a test, which pytest 9.2 keeps in another
place: without this file groups are silently torn apart (pytest-xdist issue 1386). It can go once xdist does it itself.
"""

import pytest
from _pytest.nodeid import NodeId


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add `@group` to the id of each test that has one, in workers that group; groups come first, since a long one
    that begins last is waited for by all the others."""
    if not getattr(config.option, "loadgroup", False):
        return
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
    for item in items:
        groups = {str(mark.args[0] if mark.args else mark.kwargs["name"]) for mark in item.iter_markers("xdist_group")}
        suffix = f"@{'_'.join(sorted(groups))}"
        if groups and not item.nodeid.endswith(suffix):
            # `id` has no setter.
            item._id = NodeId.parse(item.nodeid + suffix)
