"""Sentences about what is seen from outside: metrics, repeated events, correlation, progress by batch."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pytest_bdd import given, parsers, then

from features.recipe import names
from features.story import Story
from wfexec.model.meta import ANNOTATION_CORRELATION

# A count is handed out once the reply to its write is in.
COUNTED_MS: Final = 60_000


@given("the metrics are read before", target_fixture="earlier")
def _read_before(story: Story) -> list[str]:
    """What other scenarios counted is not this one's."""
    pages: list[str] = []
    story.early.append(lambda: pages.append(story.cluster.metrics()))
    return pages


@given(parsers.parse('its parent gave it the correlation ID "{text}"'))
def _correlated(story: Story, text: str) -> None:
    story.recipe.annotations[ANNOTATION_CORRELATION] = text


@given(parsers.parse('"{name}" always fails and says "{message}"'))
def _fails_saying(story: Story, name: str, message: str) -> None:
    story.recipe.rule(name)["attempts"] = [
        {"result": "failure", "error": {"type": "unknown_error", "message": message}}
    ]
    story.recipe.step(name).fields |= {"criticalStep": True, "maxRetries": 0}


@then(parsers.re(r'the error of "(?P<name>[^"]+)" says "(?P<text>.*)"'))
def _error_says(story: Story, name: str, text: str) -> None:
    assert text in story.step(name)["errorMessage"]


@then(parsers.parse('the metrics do not show "{text}"'))
def _unmeasured(story: Story, text: str) -> None:
    assert text not in story.cluster.metrics()


@then("the metrics have counted since")
def _counted(story: Story, earlier: list[str], datatable: list[list[str]]) -> None:
    wanted = {(row[0], row[1]): float(row[2]) for row in datatable[1:]}

    def counted() -> dict[tuple[str, str], float]:
        page = story.cluster.metrics()
        return {key: value_of(page, *key) - value_of(earlier[0], *key) for key in wanted}

    story.settle()
    try:
        story.wait("the counts", lambda: counted() == wanted, COUNTED_MS)
    except AssertionError as error:
        raise AssertionError(f"{error}\ncounted: {counted()}") from None


def value_of(page: str, name: str, labels: str) -> float:
    """Sum of the series of this name that have these labels (`key=value key=value`)."""
    wanted = dict(part.split("=", 1) for part in labels.split())
    return sum(value for found, value in samples(page, name) if wanted.items() <= found.items())


def samples(page: str, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """Of the series with this name; the other lines of the page are not even read."""
    for sample in parsed("\n".join(line for line in page.splitlines() if name in line)):
        if sample.name == name:
            yield sample.labels, sample.value


@lru_cache(maxsize=64)
def parsed(lines: str) -> tuple[Sample, ...]:
    """Who waits for a count looks at the same lines again and again."""
    return tuple(sample for family in text_string_to_metric_families(lines) for sample in family.samples)


@then(parsers.parse('its completed batches went through "{text}"'))
def _batches_over(story: Story, text: str) -> None:
    assert story.values("completedBatches") == [int(value) for value in names(text)]


@then(parsers.parse('each child carries the correlation ID "{text}"'))
def _correlation(story: Story, text: str) -> None:
    found = {name: child["metadata"]["annotations"][ANNOTATION_CORRELATION] for name, child in story.ever().items()}
    assert found
    assert set(found.values()) == {text}, found


@then(parsers.re(r'the event "(?P<reason>\w+)" with "(?P<text>.*)" was counted (?P<times>\d+) times'))
def _repeated(story: Story, reason: str, text: str, times: str) -> None:
    """One object, however often it was said."""

    def counts() -> list[int]:
        return [event["count"] for event in story.events() if event["reason"] == reason and text in event["message"]]

    story.wait(f"{times} times {reason}", lambda: counts() == [int(times)], COUNTED_MS)
