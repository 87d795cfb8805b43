"""How do code scanners read what lint found? SARIF 2.1.0, the same bytes for the same findings.

Called by `wfexec lint --format sarif`.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from wfexec.cli.lint import Found, Report
from wfexec.core.rules import RULES

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_INDEX: Final = {rule.word: index for index, rule in enumerate(RULES)}


def as_sarif(report: Report) -> str:
    """One run; every rule is described, every finding names its rule, place and field."""
    rules = [
        {
            "id": rule.word,
            "shortDescription": {"text": f"{rule.meaning}."},
            "help": {"text": f"{rule.fix}."},
            "defaultConfiguration": {"level": rule.severity.value},
            "properties": {"tags": [rule.requirement]},
        }
        for rule in RULES
    ]
    driver = {"name": "wfexec", "semanticVersion": version("wfexec"), "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one) for one in report.found],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _result(one: Found) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.file)}}
    if one.mark.line:
        place["region"] = {"startLine": one.mark.line, "startColumn": max(1, one.mark.column)}
    location: dict[str, Any] = {"physicalLocation": place}
    if one.field:
        location["logicalLocations"] = [{"fullyQualifiedName": one.field, "kind": "member"}]
    return {
        "ruleId": one.rule.word,
        "ruleIndex": _INDEX[one.rule.word],
        "level": one.rule.severity.value,
        "message": {"text": one.message},
        "locations": [location],
        "properties": {"workflow": one.workflow, "value": one.value},
    }


def _uri(file: str) -> str:
    """Relative paths stay relative to where lint ran, as scanners want them."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
