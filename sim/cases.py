"""A case and the files it is kept in: a manifest, an executor file and a fault schedule (BR-WF-032).

Called by `sim generate` and the hunt. What is written here, `sim run` plays again, to the digest.
"""

import shlex
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from sim.driver import Options
from sim.executor.outcomes import Outcomes
from sim.generate import Case
from sim.scenario import EXECUTOR_FILE, Scenario, config_maps, find_executor, load_all
from sim.troubles import CALM
from wfexec.crd.documents import parse_documents, read_bytes
from wfexec.crd.files import read_workflows
from wfexec.crd.yaml_text import yaml_text
from wfexec.errors import BadInput, Finding
from wfexec.model.meta import WORKFLOW_KIND

MANIFEST_FILE: Final = "workflow.yaml"
TROUBLES_FILE: Final = "faults.yaml"


def scenario_of(case: Case) -> Scenario:
    """Ready to be played; BadInput when the case is none."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(case.manifest)}
    workflows = read_workflows(orjson.dumps(listed), "case.json")
    objects = tuple(body for body in case.manifest if body["kind"] == "ConfigMap")
    options = Options(outcomes=Outcomes.model_validate(case.executor), seed=case.seed, objects=objects)
    return Scenario(workflows, case.troubles.over(options))


def load_case(files: list[Path], executor: Path | None, seed: int) -> Case:
    """What a person wrote, in calm."""
    load_all(files)
    find_executor(executor, files[0])
    where = executor or files[0].parent / EXECUTOR_FILE
    rules = yaml.safe_load(where.read_text(encoding="utf-8")) if where.exists() else {}
    maps = tuple(body for file in files for body in config_maps(file))
    return Case((*(body for file in files for body in _workflows(file)), *maps), rules or {}, CALM, seed)


def _workflows(file: Path) -> list[dict[str, Any]]:
    values = [document.value for document in parse_documents(read_bytes(file), str(file))]
    single = [item for value in values for item in (value["items"] if value["kind"] == "List" else [value])]
    return [body for body in single if body["kind"] == WORKFLOW_KIND]


def save(case: Case, folder: Path) -> str:
    """Write the files of a case, and say with which command it is played."""
    contents = {MANIFEST_FILE: case.manifest, EXECUTOR_FILE: (case.executor,)}
    faulty = case.troubles != CALM
    if faulty:
        contents[TROUBLES_FILE] = (case.troubles.document(),)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, documents in contents.items():
            (folder / name).write_text("---\n".join(map(yaml_text, documents)), encoding="utf-8")
    except OSError as trouble:
        raise BadInput((Finding("", "--out", str(folder), trouble.strerror or str(trouble)),)) from None
    words = ["wfexec", "sim", "run", str(folder / MANIFEST_FILE), "--seed", str(case.seed)]
    return shlex.join([*words, *(("--faults", str(folder / TROUBLES_FILE)) if faulty else ())])
