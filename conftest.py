"""Which plugins do tests and features share? pytest wants them named at the top of the tree."""

pytest_plugins = ["tests.envtest.plugin", "tests.grouping", "tests.determinism.plugin"]
