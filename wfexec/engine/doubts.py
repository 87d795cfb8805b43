"""Is a missing right believed? Only once it has lasted: a server that has just started refuses everybody (BR-WF-025).

Called by the reconciler with what came back for one workflow's questions. Until an API server has read its roles,
which takes it seconds, it answers 403 to whoever asks. Such an answer is handed on as a passing one, and whoever asked
asks again. Rules:
1. A refusal is believed when it has lasted `FORBIDDEN_MS`, of this very question or of the right behind it.
2. One success of that right ends its spell; two refusals far apart, with nothing between them, are no spell.
3. What is believed stays so until a success: where a right is missing for good, the workflows of a controller wait for
   that once.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from wfexec.model.facts import (
    FORBIDDEN_MS,
    Answer,
    AskAccess,
    AskCopy,
    AskParent,
    AskTarget,
    AskTemplate,
    Facts,
    Question,
    Unknown,
)

# Nobody who waits asks less often than this.
GAP_MS: Final = 60_000
Answers = Mapping[Question, Answer]
# What is asked for, and where.
Right = tuple[str, str, str]


def given(answers: Answers) -> Answers:
    """Without those that may pass: what nobody could tell before a write failed is no news of the time after it."""
    return {one: known for one, known in answers.items() if not getattr(known.facts, "transient", False)}


class Spell(NamedTuple):
    """Refusals of one right, from the first to the last so far."""

    since: int
    last: int


class Doubts:
    __slots__ = ("_spells",)

    def __init__(self) -> None:
        self._spells: dict[Right, Spell] = {}

    def __repr__(self) -> str:
        return f"<Doubts about {len(self._spells)} rights>"

    def weigh(self, answers: Answers, known: Answers) -> Answers:
        """The same answers, refusals with since when they last; `known`: what this workflow was answered before."""
        weighed: dict[Question, Answer] | None = None
        for question, answer in answers.items():
            facts = answer.facts
            if facts.__class__ is not Unknown:
                if self._spells:
                    self._spells.pop(right_behind(question), None)
            elif facts.refused_since is not None:
                weighed = weighed or dict(answers)
                weighed[question] = answer._replace(facts=self._judged(question, answer.at, facts, known.get(question)))
        return answers if weighed is None else weighed

    def _judged(self, question: Question, at: int, facts: Facts, before: Answer | None) -> Facts:
        assert isinstance(facts, Unknown)
        since = min(self._spell_of(question, at), _lasting(before, at))
        return facts._replace(transient=at - since < FORBIDDEN_MS, refused_since=since)

    def _spell_of(self, question: Question, at: int) -> int:
        """Since when the right behind it is refused, this refusal included."""
        right = right_behind(question)
        spell = self._spells.get(right)
        believed = spell is not None and spell.last - spell.since >= FORBIDDEN_MS
        if spell is None or (at - spell.last > GAP_MS and not believed):
            spell = Spell(at, at)
        self._spells[right] = Spell(spell.since, max(spell.last, at))
        return spell.since


def _lasting(before: Answer | None, at: int) -> int:
    """Since when this workflow's own question is refused; `at` where it was not."""
    if before is None or not isinstance(before.facts, Unknown) or at - before.at > GAP_MS:
        return at
    return at if before.facts.refused_since is None else before.facts.refused_since


def right_behind(question: Question) -> Right:
    """What one must be allowed to get it answered; names do not matter, namespaces do."""
    match question:
        case AskTarget(target):
            return ("target", target.kind, target.namespace)
        case AskAccess():
            return ("access", "", "")
        case AskTemplate(namespace, home):
            return ("template", namespace, home)
        case AskParent(namespace) | AskCopy(namespace):
            return (question.about, namespace, "")
        case _:
            return (question.about, "", "")
