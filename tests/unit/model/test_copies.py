"""What a copy of a value shares with its original, and what it costs."""

import pickle
import sys

import pytest
from pydantic import ValidationError

from wfexec.model.base import Value, compact, evolve
from wfexec.model.execution import KubernetesExecutionStatus
from wfexec.model.meta import ObjectMeta
from wfexec.model.status import StepStatus, WorkflowExecutionStatus

VALUES: list[Value] = [
    StepStatus(step_number=3, name="drain", action="drain-node"),
    ObjectMeta(name="web", namespace="shop", labels={"app": "web"}),
    KubernetesExecutionStatus(phase="executing"),
    WorkflowExecutionStatus(phase="planning"),
]
NAMES = [type(value).__name__ for value in VALUES]


@pytest.mark.parametrize("value", VALUES, ids=NAMES)
def test_a_compact_value_is_the_same_value(value: Value) -> None:
    made = compact(value)
    assert made == value
    assert made.model_fields_set == value.model_fields_set
    assert made.model_dump_json(by_alias=True) == value.model_dump_json(by_alias=True)
    assert pickle.loads(pickle.dumps(made)) == value
    with pytest.raises(ValidationError):
        made.phase = "another"  # type: ignore[attr-defined] # that it cannot be set is what is tested


@pytest.mark.parametrize("value", VALUES, ids=NAMES)
def test_a_copy_shares_all_that_is_not_changed(value: Value) -> None:
    name = next(iter(type(value).model_fields))
    for original in (value, compact(value)):
        before = dict(original.__dict__)
        made = evolve(original, **{name: "changed"})
        assert made.__dict__ == {**before, name: "changed"}
        assert all(made.__dict__[key] is part for key, part in before.items() if key != name)
        assert original.__dict__ == before


@pytest.mark.parametrize("value", VALUES[:2], ids=NAMES[:2])
def test_copies_of_copies_of_a_compact_value_take_a_third_less_room(value: Value) -> None:
    # How many names a class can share depends on how many of it were made before: this one is new.
    new: type[Value] = type(f"New{type(value).__name__}", (type(value),), {})
    plain = new.model_construct(**value.__dict__)
    made = compact(plain)
    for _ in range(3):
        plain, made = evolve(plain), evolve(made)
    assert sys.getsizeof(made.__dict__) * 3 < sys.getsizeof(plain.__dict__) * 2
