"""Hypothesis strategies for values of both kinds, made from the types themselves.

Called by the property tests. Every field can appear; texts stay short, because length is the schema's business.
"""

import types
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wfexec.units import parse_duration, parse_instant

M = TypeVar("M", bound=BaseModel)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
INSTANTS = st.integers(0, 4_102_444_800_000)
DURATIONS = st.integers(0, 100 * 24 * 3_600_000)
SCALARS = st.one_of(TEXT, st.integers(-1000, 1000), st.booleans(), st.floats(-10, 10).filter(lambda x: x != int(x)))


@cache
def values(model: type[M]) -> st.SearchStrategy[M]:
    """Valid values of a type: required fields always, others often left at their default."""
    return st.deferred(lambda: _instances(model))


def _instances(model: type[M]) -> st.SearchStrategy[M]:
    required = {name: _of(info) for name, info in model.model_fields.items() if info.is_required()}
    optional = {name: _of(info) for name, info in model.model_fields.items() if not info.is_required()}
    return st.fixed_dictionaries(required, optional=optional).map(lambda fields: model(**fields))


def _of(info: FieldInfo) -> st.SearchStrategy[Any]:
    return _shape(Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation)


def _shape(annotation: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        arms = [arm for arm in arguments if arm is not types.NoneType]
        return _shape(arms[0]) if len(arms) == 1 else SCALARS
    if origin is tuple:
        return st.lists(_shape(arguments[0]), min_size=1, max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, _shape(arguments[1]), min_size=1, max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return values(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    plain: dict[Any, st.SearchStrategy[Any]] = {str: TEXT, bool: st.booleans(), int: st.integers(1, 5)}
    return plain.get(annotation, st.sampled_from((0.0, 0.25, 1.0)))


def _marked(base: Any, marks: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    for mark in marks:
        reader = getattr(mark, "func", None)
        if reader in (parse_instant, parse_duration):
            return INSTANTS if reader is parse_instant else DURATIONS
        pattern = getattr(mark, "pattern", None) or next(
            (each.pattern for each in getattr(mark, "metadata", ()) if getattr(each, "pattern", None)), None
        )
        if pattern:
            # Patterns of the types are all of the form ^(one|other)$.
            return st.sampled_from(pattern.strip("^$()").split("|"))
    return _shape(base)
