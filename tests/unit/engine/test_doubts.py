"""When is a missing right believed?"""

from wfexec.engine.doubts import GAP_MS, Doubts
from wfexec.model.facts import (
    FORBIDDEN_MS,
    Answer,
    AskAccess,
    AskNodes,
    AskTarget,
    Facts,
    NodesFacts,
    Question,
    TargetFacts,
    TargetRef,
    Unknown,
)

T0 = 1_000_000
WEB, API = (AskTarget(TargetRef("Deployment", "shop", name)) for name in ("web", "api"))
ELSEWHERE = AskTarget(TargetRef("Deployment", "bank", "web"))
SEEN = TargetFacts(True, False, True, {}, "")
REFUSED = Unknown("no right", refused_since=0)


class Workflow:
    """What one workflow was answered so far."""

    def __init__(self, doubts: Doubts) -> None:
        self.doubts = doubts
        self.answers: dict[Question, Answer] = {}

    def hears(self, at: int, facts: Facts = REFUSED, question: Question = WEB) -> Facts:
        came = {question: Answer(T0 + at, facts)}
        self.answers.update(self.doubts.weigh(came, self.answers))
        return self.answers[question].facts


def believed(facts: Facts) -> bool:
    assert isinstance(facts, Unknown)
    return not facts.transient


def test_a_refusal_is_believed_when_it_has_lasted() -> None:
    workflow = Workflow(Doubts())
    assert workflow.hears(0) == Unknown("no right", True, T0)
    assert not believed(workflow.hears(FORBIDDEN_MS // 2))
    assert not believed(workflow.hears(FORBIDDEN_MS - 1))
    assert workflow.hears(FORBIDDEN_MS) == Unknown("no right", False, T0)


def test_one_success_ends_it() -> None:
    workflow = Workflow(Doubts())
    workflow.hears(0)
    assert workflow.hears(FORBIDDEN_MS - 1, SEEN) is SEEN
    assert not believed(workflow.hears(FORBIDDEN_MS))
    assert not believed(workflow.hears(2 * FORBIDDEN_MS - 1))


def test_where_a_right_is_missing_for_good_only_the_first_workflow_waits() -> None:
    doubts = Doubts()
    first, second = Workflow(doubts), Workflow(doubts)
    for at in range(0, FORBIDDEN_MS + 1, 1_000):
        first.hears(at)
    assert believed(second.hears(10 * GAP_MS, question=API))
    assert not believed(second.hears(10 * GAP_MS, question=ELSEWHERE))
    assert not believed(second.hears(10 * GAP_MS, question=AskNodes()))


def test_a_right_to_some_objects_of_a_kind_hides_no_refusal_of_the_others() -> None:
    """Each success ends the spell of the right, but not what one workflow knows of its own question."""
    workflow = Workflow(Doubts())
    for at in range(0, FORBIDDEN_MS, 1_000):
        assert not believed(workflow.hears(at, question=WEB))
        workflow.hears(at, SEEN, API)
    assert believed(workflow.hears(FORBIDDEN_MS))


def test_two_refusals_far_apart_are_no_lasting_one() -> None:
    workflow = Workflow(Doubts())
    workflow.hears(0)
    assert not believed(workflow.hears(GAP_MS + 1))


def test_what_is_no_refusal_stays_what_it_is() -> None:
    doubts = Doubts()
    access = AskAccess("bob", "get", "", "pods", "shop", "")
    told: dict[Question, Answer] = {
        WEB: Answer(T0, SEEN),
        API: Answer(T0, Unknown("no answer", transient=True)),
        AskNodes(): Answer(T0, NodesFacts(1, 1, 1, 1)),
        access: Answer(T0, Unknown("nobody watches")),
    }
    assert doubts.weigh(told, {}) is told
