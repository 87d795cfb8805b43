"""What does `wfexec lint` say about files? Findings of reader, planning and rules, sorted, with line and column.

Called by `wfexec.cli.main`. Writes nothing itself; the forms are text, JSON and SARIF (`wfexec.cli.sarif`).
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from wfexec.core.check_templates import problems_of
from wfexec.core.graph import compile_recipe, refusals
from wfexec.core.lint import advise
from wfexec.core.rules import DEPRECATED_SPELLING, REFUSALS, SCHEMA, TEMPLATE_UNSEEN
from wfexec.core.templates import effective_spec, resolve_among
from wfexec.crd.complaints import is_secret_at, shown, spelled
from wfexec.crd.documents import NOWHERE, Mark, parse_documents, read_bytes
from wfexec.crd.files import Placed, read_places
from wfexec.crd.templates import Found as FoundTemplate
from wfexec.crd.templates import found_in, is_template, load_siblings
from wfexec.errors import BadInput, Finding
from wfexec.model.meta import WORKFLOW_KIND
from wfexec.model.recipe import Recipe
from wfexec.model.redact import MARK
from wfexec.model.rule import Rule, Severity
from wfexec.model.status import WorkflowExecution
from wfexec.settings import Settings

FieldPath = tuple[str | int, ...]
Library = tuple[FoundTemplate, ...]
# A field path in words: plain names, indices, and names in quotes or as they stand in brackets.
_PART: Final = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]|\[\"?(.*?)\"?\](?=$|[.\[])")
_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Found(NamedTuple):
    """One finding in a file; `mark` is NOWHERE where the file tells no lines (JSON), `workflow` "" outside of one."""

    file: str
    mark: Mark
    rule: Rule
    workflow: str
    field: str
    value: str
    message: str

    def __str__(self) -> str:
        """`file:line:column: severity: rule: field: sentence (found value); fix`, one line."""
        place = f"{self.file}:{self.mark.line}:{self.mark.column}" if self.mark.line else self.file
        parts = (place, self.rule.severity.value, self.rule.word, _plain(self.field), _plain(self.message))
        told = ": ".join(part for part in parts if part)
        found = f" (found {_plain(self.value)})" if self.value and self.value not in self.message else ""
        fix = "" if self.rule.severity is Severity.ERROR else f"; {self.rule.fix[0].lower()}{self.rule.fix[1:]}"
        return f"{told}{found}{fix}"


class Report(NamedTuple):
    found: tuple[Found, ...]
    workflows: int

    def count(self, severity: Severity) -> int:
        return sum(1 for one in self.found if one.rule.severity is severity)


def lint_files(files: list[Path], settings: Settings, least: Severity, templates: Library | None = None) -> Report:
    """All findings of at least this severity, by file in the given order, then by line.

    `templates` are where a workflow's template is looked up; None: nowhere.
    """
    found: list[Found] = []
    count = 0
    wanted = _ORDER[: _ORDER.index(least) + 1]
    for file in files:
        mine, workflows = _lint(file, settings, templates)
        found += sorted((one for one in mine if one.rule.severity in wanted), key=lambda one: one.mark)
        count += workflows
    return Report(tuple(found), count)


def _lint(file: Path, settings: Settings, library: Library | None) -> tuple[list[Found], int]:
    source = str(file)
    try:
        templates = _templates(file, settings)
        if templates is not None:
            return templates, 0
        placed, wrong = read_places(read_bytes(file), source)
    except BadInput as trouble:
        return [_of_reader(source, finding) for finding in trouble.findings], 0
    found = [_of_reader(source, finding) for finding in wrong]
    workflows = [one for one in placed if isinstance(one.object, WorkflowExecution)]
    if not workflows and not found:
        found.append(Found(source, NOWHERE, SCHEMA, "", "", "", f"holds no {WORKFLOW_KIND}"))
    for one in workflows:
        found += _of_workflow(source, one, settings, library)
    return found, len(workflows)


def _templates(file: Path, settings: Settings) -> list[Found] | None:
    """What is wrong with a file of templates; None when it holds something else."""
    documents = parse_documents(read_bytes(file), str(file))
    if not documents or not all(is_template(document.value) for document in documents):
        return None
    around = list(load_siblings(file))
    return [
        _of_reader(str(file), finding)
        for document in documents
        for finding in problems_of(found_in(document), around, settings)
    ]


def _of_reader(source: str, finding: Finding) -> Found:
    line = finding.source.removeprefix(f"{source}:")
    mark = Mark(int(line), 1) if line.isdecimal() else NOWHERE
    rule = DEPRECATED_SPELLING if "it is called " in finding.message else SCHEMA
    return Found(source, mark, rule, "", finding.field, finding.value, finding.message)


def _of_workflow(source: str, placed: Placed, settings: Settings, library: Library | None) -> list[Found]:
    """What planning refuses; the rules look only at what it takes."""
    workflow = placed.object
    assert isinstance(workflow, WorkflowExecution), workflow
    name = workflow.metadata.name
    if workflow.spec.template_ref is not None and library is not None:
        return _from_template(source, placed, workflow, settings, library)
    if workflow.spec.template_ref is not None:
        text = f"the steps of template {workflow.spec.template_ref.name!r} are not looked at"
        return [_found(source, placed, TEMPLATE_UNSEEN, name, ("spec", "templateRef"), text, None)]
    refused = refusals(workflow.spec, settings)
    found = [
        _found(source, placed, REFUSALS[one.reason], name, parse_path(one.field), one.message, None) for one in refused
    ]
    recipe = compile_recipe(workflow.spec, settings)
    if isinstance(recipe, Recipe):
        found += [
            _found(source, placed, one.rule, name, one.path, one.message, one.value)
            for one in advise(workflow.spec, recipe, settings)
        ]
    return found


def _from_template(
    source: str, placed: Placed, workflow: WorkflowExecution, settings: Settings, library: Library
) -> list[Found]:
    """What planning would refuse of the rendered steps; all of it is told at the reference, in the template's name."""
    name, ref, here = workflow.metadata.name, workflow.spec.template_ref, ("spec", "templateRef")
    assert ref is not None
    resolved = resolve_among(library, ref)
    if isinstance(resolved, tuple):
        return [
            _found(source, placed, REFUSALS[one.reason], name, parse_path(one.field), one.message, None)
            for one in resolved
        ]
    spec, whose = effective_spec(workflow.spec, resolved.body), f"template {resolved.name} {resolved.version}"
    found = [
        _found(source, placed, REFUSALS[one.reason], name, here, f"{whose}: {one.field}: {one.message}", "")
        for one in refusals(spec, settings)
    ]
    recipe = compile_recipe(spec, settings)
    if isinstance(recipe, Recipe):
        found += [
            _found(source, placed, one.rule, name, here, f"{whose}: {spelled(one.path)}: {one.message}", one.value)
            for one in advise(spec, recipe, settings)
        ]
    return found


def _found(
    source: str, placed: Placed, rule: Rule, name: str, path: FieldPath, message: str, value: str | None
) -> Found:
    """`value` None: what stands at the path."""
    whole = (*placed.path, *path)
    mark = placed.document.mark(whole)
    return Found(source, mark, rule, name, spelled(path), _at(placed, whole) if value is None else value, message)


def _at(placed: Placed, path: FieldPath) -> str:
    here: Any = placed.document.value
    for part in path:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return ""
    return "" if isinstance(here, list | dict) else MARK if is_secret_at(path) else shown(here)


def parse_path(text: str) -> FieldPath:
    """The keys and indices of a field path that is written in words."""
    parts: list[str | int] = []
    for found in _PART.finditer(text):
        word, index, name = found.groups()
        parts.append(int(index) if index is not None else word if word is not None else name)
    return tuple(parts)


def as_text(report: Report) -> str:
    """One line per finding, and a last one with the figures."""
    lines = [str(one) for one in report.found]
    counts = [(report.count(severity), severity.value) for severity in _ORDER]
    told = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
    plural = "" if report.workflows == 1 else "s"
    lines.append(f"{report.workflows} workflow{plural}, {told or 'nothing found'}")
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    data = [
        {
            "file": one.file,
            "line": one.mark.line or None,
            "column": one.mark.column or None,
            "workflow": one.workflow,
            "rule": one.rule.word,
            "severity": one.rule.severity.value,
            "field": one.field,
            "value": one.value,
            "message": one.message,
            "fix": one.rule.fix,
            "requirement": one.rule.requirement,
        }
        for one in report.found
    ]
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _plain(text: str) -> str:
    """Nothing that moves a cursor or ends a line: names come from a file somebody sent."""
    return "".join(char if char.isprintable() else "�" for char in text)
