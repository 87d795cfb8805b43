"""How does a value of the model look as JSON, field by field?

Called by the codec (rendering, patches) and by the file reader (which texts are durations). Compiles one table per
class from the annotations, once; it must never look at a particular value's type to guess what a field is.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin

from pydantic import BaseModel, PlainSerializer
from pydantic.fields import FieldInfo

from wfexec.errors import OurBug

Encode = Callable[[Any], Any]


class FieldTable(NamedTuple):
    """`encode` None means the value is JSON already; `model` is set for one value, `item` for a list of values.

    `default` is what absence means; a value equal to it is left out of JSON.
    """

    name: str
    alias: str
    default: object
    encode: Encode | None
    model: type[BaseModel] | None
    item: type[BaseModel] | None


class _Shape(NamedTuple):
    encode: Encode | None = None
    model: type[BaseModel] | None = None
    item: type[BaseModel] | None = None


# A default that equals nothing: a required field is always written.
REQUIRED = object()


@cache
def table_of(cls: type[BaseModel]) -> tuple[FieldTable, ...]:
    """The fields of a class in declaration order."""
    return tuple(_field(name, info) for name, info in cls.model_fields.items())


def render(value: BaseModel) -> dict[str, Any]:
    """camelCase JSON of a value; what equals its default is left out."""
    known = value.__dict__
    made = {}
    for name, alias, default, encode, _model, _item in table_of(value.__class__):
        part = known[name]
        if part is default or (default is not None and default is not REQUIRED and part == default):
            continue
        made[alias] = part if encode is None else encode(part)
    return made


def is_default(value: BaseModel) -> bool:
    """Whether `render` would leave nothing."""
    known = value.__dict__
    return all(known[field.name] == field.default for field in table_of(value.__class__))


def _field(name: str, info: FieldInfo) -> FieldTable:
    shape = _shape(info.annotation, tuple(info.metadata))
    default = REQUIRED if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    return FieldTable(name, info.alias or name, default, shape.encode, shape.model, shape.item)


def _shape(annotation: object, metadata: tuple[object, ...] = ()) -> _Shape:
    for mark in metadata:
        if isinstance(mark, PlainSerializer):
            return _Shape(encode=cast("Encode", mark.func))
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        arms = [arm for arm in arguments if arm is not types.NoneType]
        # Several arms are free values (text, number, bool) and JSON as they are.
        return _shape(arms[0]) if len(arms) == 1 else _Shape()
    if origin is tuple:
        inner = _shape(arguments[0])
        encode = _list_of(inner.encode) if inner.encode is not None else list
        return _Shape(encode=encode, item=inner.model)
    if origin in (dict, Mapping):
        inner = _shape(arguments[1])
        return _Shape(encode=_map_of(inner.encode) if inner.encode is not None else dict)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _Shape(encode=render, model=annotation)
    if isinstance(annotation, type) and issubclass(annotation, str):
        # Also for plain text: a word of ours may stand in a field that takes any word, and must leave as plain text.
        return _Shape(encode=str)
    if annotation in (int, float, bool):
        return _Shape()
    raise OurBug(f"no JSON form for {annotation!r}")


def _list_of(encode: Encode) -> Encode:
    return lambda values: [encode(value) for value in values]


def _map_of(encode: Encode) -> Encode:
    return lambda values: {key: encode(value) for key, value in values.items()}
