"""How many points does the crash sweep take, and how many did it take?

A pytest plugin: the option `--crash-points`, and a line in the summary, which also a run in several workers shows.
"""

from typing import Any

import pytest

PROPERTY = "crash_points"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--crash-points",
        default="1200",
        metavar="N|all",
        help="how many crash points the sweep over all scenarios takes in all",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told: list[Any] = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if told:
        tried, possible = (sum(pair[index] for pair in told) for index in (0, 1))
        terminalreporter.write_line(f"crash sweep: {tried} of {possible} points over all scenarios")
