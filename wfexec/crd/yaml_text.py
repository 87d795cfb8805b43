"""How is a value written as YAML that every reader takes for the same value?

Called by commands that print manifests. Text that our reader, or the API server's, would take for a number, a truth
value or nothing is quoted (BR-WF-027).
"""

from typing import Any

import yaml

from wfexec.crd.documents import plain_value


class _Writer(yaml.SafeDumper):
    """No anchors: the same value written twice stays readable."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        # Only between double quotes are there escapes for what some readers take for the end of a line.
        style = '"'
    elif len(lines) > 1 and not any(line.endswith(" ") for line in lines):
        style = "|"
    else:
        style = "'" if plain_value(text) is not text else ""
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style or None)


_Writer.add_representer(str, _text)


def yaml_text(value: Any) -> str:
    """One document, keys in their own order."""
    return yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=110)
