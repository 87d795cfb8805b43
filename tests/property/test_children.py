"""What a step's parameters say arrives at its child or is reported: no two of them look alike there (BR-WF-023)."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.border_values import TEXT, values
from wfexec.core.children import GRACE_MAX_S, grace_seconds, map_parameters
from wfexec.model.parameters import StepParameters
from wfexec.units import parse_duration

MEMBERS = sorted(StepParameters.model_fields)
GRACES = st.sampled_from(("", "0s", "1s", "30s", "1m", "1.5s", "1h", "2h", "250ms", "soon", "30"))
REPLICAS = st.integers(0, 1_000)
CONFIG = st.dictionaries(st.sampled_from(("manifest", "mode", "size")), TEXT, max_size=3)


@st.composite
def given_parameters(draw: st.DrawFn, member: str) -> StepParameters:
    made = st.builds(StepParameters, **{member: values(get_args(StepParameters.model_fields[member].annotation)[0])})
    model = getattr(draw(made), member)
    changes: dict[str, Any] = {}
    if "grace_period" in type(model).model_fields:
        changes["grace_period"] = draw(st.none() | GRACES)
    if member == "scale_deployment":
        changes["replicas"] = draw(REPLICAS)
    if member == "custom":
        changes["config"] = draw(CONFIG)
    if member == "restart_pod" and not (model.pod_name or model.selector):
        # Refused by the CRD; rare draws are too many for Hypothesis to be passed over.
        changes["pod_name"] = draw(st.sampled_from(("web-1", "web-2")))
    return StepParameters(**{member: model.model_copy(update=changes)})


def canonical(member: str, parameters: StepParameters) -> Any:
    """The parameters in the one way of writing what may be written in several: an empty grace period and none, `60s`
    and `1m`, for a drain none and its default of 30 s; and for a manifest, which is the whole of a custom action, the
    values of the keys beside it, whose names alone are told."""
    model = getattr(parameters, member)
    changes: dict[str, Any] = {}
    grace = getattr(model, "grace_period", None)
    seconds = grace_seconds(grace)
    if "grace_period" in type(model).model_fields and not grace:
        changes["grace_period"] = "30s" if member == "drain_node" else None
    elif seconds is not None and parse_duration(grace) == seconds * 1_000:
        changes["grace_period"] = f"{seconds}s"
    if member == "restart_pod" and model.pod_name and model.selector:
        changes["selector"] = "told of"
    if member == "custom" and "manifest" in model.config:
        changes["config"] = {key: value if key == "manifest" else "" for key, value in model.config.items()}
        if model.action_type == "apply-manifest":
            changes["action_type"] = "custom"
    return model.model_copy(update=changes)


@pytest.mark.parametrize("member", MEMBERS)
@settings(max_examples=100)
@given(data=st.data())
def test_two_steps_that_differ_differ_for_their_children_or_in_what_is_reported(
    member: str, data: st.DataObject
) -> None:
    one = data.draw(given_parameters(member))
    changed = data.draw(given_parameters(member))
    field = data.draw(st.sampled_from(sorted(type(getattr(one, member)).model_fields)))
    other = StepParameters(
        **{member: getattr(one, member).model_copy(update={field: getattr(getattr(changed, member), field)})}
    )
    if canonical(member, one) == canonical(member, other):
        return
    assert map_parameters("custom", one) != map_parameters("custom", other)


@pytest.mark.parametrize("member", MEMBERS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_child_is_told_something_whatever_its_step_says(member: str, data: st.DataObject) -> None:
    told, warnings = map_parameters("custom", data.draw(given_parameters(member)))
    assert told is not None
    assert all(len(text) < 700 for text in warnings)


@pytest.mark.parametrize(
    ("grace", "told", "warned"),
    [
        ("30s", 30, ""),
        ("2h", GRACE_MAX_S, "gracePeriod '2h' becomes 3600s: a child is told whole seconds, 3600 at most"),
        ("1.5s", 1, "gracePeriod '1.5s' becomes 1s: a child is told whole seconds, 3600 at most"),
        ("soon", None, "gracePeriod 'soon' is not a duration and is dropped; write it like 30s"),
    ],
)
def test_a_grace_period_that_cannot_be_told_as_it_is_is_reported(grace: str, told: int | None, warned: str) -> None:
    step = StepParameters.model_validate({"deletePod": {"namespace": "shop", "podName": "web-1", "gracePeriod": grace}})
    made, warnings = map_parameters("delete-pod", step)
    assert made is not None
    assert made.delete_pod is not None
    assert made.delete_pod.grace_period_seconds == told
    assert warnings == ((warned,) if warned else ())


def test_keys_beside_a_manifest_are_named_and_their_values_are_not() -> None:
    config = {"manifest": "kind: ConfigMap", "password": "hunter2"}
    step = StepParameters.model_validate({"custom": {"actionType": "apply-manifest", "config": config}})
    _, (warning,) = map_parameters("apply-manifest", step)
    assert "config.password" in warning
    assert "hunter2" not in warning


def test_a_selector_beside_a_pods_name_is_reported() -> None:
    pod = {"namespace": "shop", "podName": "web-1", "selector": "app=web"}
    told, warnings = map_parameters("restart-pod", StepParameters.model_validate({"restartPod": pod}))
    assert told is not None
    assert told.delete_pod is not None
    assert (told.delete_pod.pod, told.delete_pod.label_selector) == ("web-1", None)
    assert warnings == ("selector is dropped: podName names the one pod to restart; leave one of them out",)
