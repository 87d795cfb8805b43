"""What every value shares: frozen, camelCase at the border, cheap to change by copy.

Called by all of `wfexec.model`. Values are never changed in place: `evolve` returns a copy that shares every
unchanged part with the original, so `is` tells what changed.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Lengths are those of the Kubernetes API where it has one; the rest bound the size of one object (BR-PERF-008).
ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
Namespace = Annotated[str, Field(max_length=63)]
Word = Annotated[str, Field(max_length=253)]
Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=4096)]
Expression = Annotated[str, Field(min_length=1, max_length=2048)]
DOCUMENT_MAX = 65_536
Document = Annotated[str, Field(max_length=DOCUMENT_MAX)]
StepNumber = Annotated[int, Field(ge=1, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
TextMap = Annotated[dict[Word, LongText], Field(max_length=64)]
DataMap = Annotated[dict[Word, Document], Field(max_length=256)]


class Value(BaseModel):
    """A frozen value; unknown fields are ignored unless the border asks for them to be forbidden."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_enum_values=False,
        ser_json_inf_nan="null",
    )


V = TypeVar("V", bound=Value)

# The slots of pydantic's base, set directly: twice as fast as by name, and this is the hottest line of the house.
_new = object.__new__
_set_dict = BaseModel.__dict__["__dict__"].__set__
_set_fields = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


def evolve(value: V, **changes: Any) -> V:
    """A copy of `value` with `changes` (by Python field name), sharing all else.

    Not validated, so only for values we made ourselves; the set of explicitly given fields stays the original's.
    """
    made = _new(value.__class__)
    _set_dict(made, value.__dict__ | changes)
    _set_fields(made, value.__pydantic_fields_set__)
    _set_extra(made, None)
    _set_private(made, None)
    return made


def compact(value: V) -> V:
    """The same value, laid out so that all copies which `evolve` makes of it share one table of field names.

    A copy takes a third of the memory then, and most values are copies of few: whoever keeps one to copy from keeps
    it like this. Without effect on types of more than 30 fields.
    """
    made = _new(value.__class__)
    for name, part in value.__dict__.items():
        # Python shares the names of attributes that are set one by one, not those of a dictionary put in their place.
        object.__setattr__(made, name, part)
    _set_fields(made, value.__pydantic_fields_set__)
    _set_extra(made, None)
    _set_private(made, None)
    return made


def clip(text: str, limit: int = 1024) -> str:
    """`text` cut to `limit` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def list_map(*keys: str) -> dict[str, Any]:
    """Schema marks of a list that is merged by these keys."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Schema marks of CEL rules: (rule, message) each."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}
