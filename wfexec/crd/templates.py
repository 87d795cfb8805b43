"""Is this a template, and which of several is meant? Files and ConfigMaps become `Template`s, and back (BR-WF-026).

Called by the question reader and by the command line. Strict like the manifest reader: unknown fields, wrong types,
blanks that nobody declared and steps that nobody can find are refused with file, line and field.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from wfexec.crd.complaints import COMPLAINTS_MAX, spelled
from wfexec.crd.documents import Document, parse_documents, read_bytes, refuse
from wfexec.crd.files import read_value
from wfexec.crd.tables import render
from wfexec.crd.template_checks import complaints
from wfexec.crd.yaml_text import yaml_text
from wfexec.errors import BadInput, Finding
from wfexec.model.template import LABEL_TEMPLATE, TEMPLATE_KEY, VERSION_PATTERN, Template, precedence

Json = dict[str, Any]
FOLDER_MAX: Final = 1_000


class Found(NamedTuple):
    """A template and where it was: a file, or ConfigMap namespace/name. `problem` "" or why it is none.

    `name` and `version` are as written, so that a broken template is still found under its name.
    """

    name: str
    version: str
    origin: str
    template: Template | None
    problem: str = ""


def load_template(path: Path) -> Template:
    """The one template of a file, or of a ConfigMap manifest; `BadInput` tells all that is wrong with it."""
    found = load_templates(path)
    if len(found) != 1:
        raise BadInput((Finding(str(path), "", f"{len(found)} templates", "give a file with exactly one template"),))
    return found[0]


def load_templates(path: Path) -> tuple[Template, ...]:
    return tuple(parse(document) for document in _documents(read_bytes(path), str(path)))


def read_template(data: bytes, source: str) -> Template:
    """The same from content already read."""
    documents = _documents(data, source)
    if len(documents) != 1:
        raise refuse(source, f"{len(documents)} documents", "one template per file")
    return parse(documents[0])


def is_template(value: Any) -> bool:
    """Whether a document looks like a template or a ConfigMap that holds one, and not like a manifest of ours."""
    if not isinstance(value, dict):
        return False
    if value.get("kind") == "ConfigMap":
        return _marked(value)
    bare = "kind" not in value and "apiVersion" not in value
    return bare and ("steps" in value or "extends" in value)


def load_folder(folder: Path) -> tuple[Found, ...]:
    """Every template below a folder, by path; a broken one is there with its problem, other documents are not."""
    if not folder.is_dir():
        why = "is a file; give the folder it is in" if folder.exists() else "there is no such folder; look with ls"
        raise BadInput((Finding(str(folder), "", "", why),))
    files = _files(folder, "**/")
    if not files:
        raise BadInput((Finding(str(folder), "", "", "no .yaml, .yml or .json file in this folder"),))
    return tuple(found for file in files[:FOLDER_MAX] for found in _found_in(file))


def load_siblings(file: Path) -> tuple[Found, ...]:
    """The templates of the folder that holds this file, without those below."""
    return tuple(found for each in _files(file.parent, "")[:FOLDER_MAX] for found in _found_in(each))


def _files(folder: Path, deep: str) -> list[Path]:
    return sorted(each for suffix in ("yaml", "yml", "json") for each in folder.glob(f"{deep}*.{suffix}"))


def found_in(document: Document) -> Found:
    """A document that is meant to be a template, with what is wrong with it."""
    return _of_document(document, document.source)


def of_config_map(raw: Mapping[str, Any]) -> Found:
    """The template of a labelled ConfigMap."""
    meta = raw.get("metadata") or {}
    origin = f"ConfigMap {meta.get('namespace', '')}/{meta.get('name', '')}"
    text = (raw.get("data") or {}).get(TEMPLATE_KEY)
    if not isinstance(text, str):
        return Found("", "", origin, None, f"has no key {TEMPLATE_KEY}")
    return _found(text.encode(), f"{origin} {TEMPLATE_KEY}", origin)


def choose(among: Iterable[Found], name: str, version: str) -> Found | str:
    """The one that is meant: that version, or for "" the highest release. A text says why there is none."""
    named = [each for each in among if each.name == name]
    exact = [each for each in named if each.version == version] if version else _highest(named)
    if len(exact) > 1:
        places = " and ".join(each.origin for each in exact)
        return f"{name} {exact[0].version} is there twice: {places}; keep one"
    return exact[0] if exact else ""


def versions_of(among: Iterable[Found], name: str) -> tuple[str, ...]:
    return tuple(sorted({each.version for each in among if each.name == name}))


def render_template(template: Template) -> Json:
    """As a file holds it; what equals its default is left out."""
    return render(template)


def config_map(template: Template, namespace: str) -> Json:
    """The ConfigMap from which the controller takes it."""
    text = yaml_text(render_template(template))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{template.name}-{template.version.lower()}"[:253],
            "namespace": namespace,
            "labels": {LABEL_TEMPLATE: "true"},
        },
        "data": {TEMPLATE_KEY: text},
    }


def parse(document: Document) -> Template:
    """A document as a template; `BadInput` with file, line and field."""
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "ConfigMap":
        found = of_config_map(value)
        if found.template is None:
            raise refuse(document.source, "", found.problem)
        return found.template
    template = read_value(Template, document)
    findings = [
        Finding(document.where(path), spelled(path), text, message)
        for path, text, message in complaints(template, value)
    ]
    if findings:
        raise BadInput(tuple(findings[:COMPLAINTS_MAX]))
    return template


def _found_in(file: Path) -> Iterator[Found]:
    try:
        documents = parse_documents(read_bytes(file), str(file))
    except BadInput as trouble:
        yield Found("", "", str(file), None, str(trouble))
        return
    for document in documents:
        if is_template(document.value):
            yield _of_document(document, str(file))


def _found(data: bytes, source: str, origin: str) -> Found:
    try:
        documents = parse_documents(data, source)
    except BadInput as trouble:
        return Found("", "", origin, None, str(trouble))
    if len(documents) != 1:
        return Found("", "", origin, None, f"{source} holds {len(documents)} documents; one template each")
    return _of_document(documents[0], origin)


def _of_document(document: Document, origin: str) -> Found:
    try:
        template = parse(document)
    except BadInput as trouble:
        value = document.value
        name, version = (
            (str(value.get(key, "")) for key in ("name", "version")) if isinstance(value, dict) else ("", "")
        )
        return Found(name, version, origin, None, "; ".join(str(each) for each in trouble.findings[:3]))
    return Found(template.name, template.version, origin, template)


def _documents(data: bytes, source: str) -> tuple[Document, ...]:
    documents = parse_documents(data, source)
    if not documents:
        raise refuse(source, "", "holds no template")
    return documents


def _marked(value: Mapping[str, Any]) -> bool:
    labels = (value.get("metadata") or {}).get("labels") or {}
    return labels.get(LABEL_TEMPLATE) == "true"


def _highest(named: list[Found]) -> list[Found]:
    """Those of the highest version; pre-releases only where there is no release."""
    known = [each for each in named if re.fullmatch(VERSION_PATTERN, each.version)]
    released = [each for each in known if "-" not in each.version] or known
    if not released:
        return named[:1]
    best = max(precedence(each.version) for each in released)
    return [each for each in released if precedence(each.version) == best]
