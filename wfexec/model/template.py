"""Templates: workflows with blanks, versioned, and able to extend one another (BR-WF-026, BR-WF-028).

A template's body is the spec of a workflow whose steps carry no numbers and wait for each other by name. `${name}`
stands for a parameter and is filled when the template is rendered; `{{ … }}` is left for the run.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, WithJsonSchema

from wfexec.model.base import LongText, ObjectName, Text, Value, Word
from wfexec.model.phases import FailurePolicy
from wfexec.model.workflow import (
    FREE_MAP,
    STEPS_MAX,
    ActionOverrides,
    AdaptiveOrchestration,
    ExecutionStrategy,
    Scalar,
    SuccessCriterion,
    WorkflowDefinition,
)
from wfexec.units import Duration

LABEL_TEMPLATE = "workflowexecution.kubernaut.io/template"
TEMPLATE_KEY = "template.yaml"
# A chain of templates is at most so long.
DEPTH_MAX = 8
PARAMETER_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
VERSION_PATTERN = r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]{1,63})?$"
Version = Annotated[str, Field(pattern=VERSION_PATTERN, max_length=95)]
# Parts that may hold `${…}` anywhere, and so get their types only when they are rendered.
Blank = Annotated[dict[str, Any], PlainSerializer(dict)]
Json = dict[str, Any]


class ParameterType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"


class TemplateParameter(Value):
    """A blank. Without a default it must be given; `required` only says the same aloud.

    `source` (`from` in the file) is a path into an AIAnalysis, such as status.targetResource.namespace.
    """

    name: Annotated[str, Field(pattern=PARAMETER_PATTERN, max_length=63)]
    type: ParameterType = ParameterType.STRING
    description: Text = ""
    required: bool | None = None
    default: Scalar | None = None
    pattern: Annotated[str, Field(max_length=253)] | None = None
    enum: tuple[Scalar, ...] = Field(default=(), max_length=64)
    source: Annotated[str, Field(alias="from", max_length=253)] = ""


class TemplateExtends(Value):
    """The template this one is made from; version "" is the highest there is."""

    name: ObjectName
    version: Annotated[str, Field(max_length=95)] = ""


class Template(Value):
    """`steps` override those of the same name in the extended template, the others are added behind them.

    `remove_steps` names steps of the extended template that are left out.
    """

    name: ObjectName
    version: Version
    description: LongText = ""
    extends: TemplateExtends | None = None
    parameters: tuple[TemplateParameter, ...] = Field(default=(), max_length=64)
    remove_steps: tuple[Word, ...] = Field(default=(), max_length=STEPS_MAX)
    steps: tuple[Blank, ...] = Field(default=(), max_length=STEPS_MAX)
    dependencies: Blank = Field(default_factory=dict)
    metadata: Blank = Field(default_factory=dict)
    execution_strategy: Blank = Field(default_factory=dict)
    adaptive_orchestration: Blank = Field(default_factory=dict)
    condition_overrides: Blank = Field(default_factory=dict)
    timeout: Text = ""
    failure_policy: Text = ""
    success_criteria: tuple[Blank, ...] = Field(default=(), max_length=32)
    variables: Blank = Field(default_factory=dict)


class TemplateBody(Value):
    """What a rendered template says; None where it leaves the matter to the workflow."""

    workflow_definition: WorkflowDefinition
    execution_strategy: ExecutionStrategy | None = None
    adaptive_orchestration: AdaptiveOrchestration | None = None
    condition_overrides: Annotated[dict[Word, ActionOverrides], Field(max_length=64)] = Field(default_factory=dict)
    timeout: Duration | None = None
    failure_policy: FailurePolicy | None = None
    success_criteria: tuple[SuccessCriterion, ...] = Field(default=(), max_length=32)
    variables: Annotated[dict[Word, Scalar], Field(max_length=64)] = Field(
        default_factory=dict, json_schema_extra=FREE_MAP
    )


class TemplateIdentity(Value):
    name: Word
    version: Word


class ResolvedTemplate(Value):
    """The template of one workflow as it was found at planning; later changes of it do not touch this run (BR-WF-025).

    `origin` says where it was, `lineage` what it extends, nearest first.
    """

    name: Word
    version: Word
    origin: Word = ""
    lineage: tuple[TemplateIdentity, ...] = Field(default=(), max_length=DEPTH_MAX)
    # Ours alone to write, checked when it was rendered: the server keeps it as it is.
    body: Annotated[TemplateBody, WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})]


def precedence(version: str) -> tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]:
    """A key that orders versions as semantic versioning does; a release comes after its pre-releases."""
    core, _, pre = version.partition("-")
    major, minor, patch = (int(part) for part in core.split("."))
    parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in pre.split(".") if part)
    return major, minor, patch, not pre, parts
