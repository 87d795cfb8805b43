"""Does an admission policy let this write through? ValidatingAdmissionPolicies and bindings, as a server has them.

Asked by the HTTP layer for each write, with the user who makes it; the policies are the objects in the store. A write
that no bound policy matches costs a look into a table. What is not modelled is refused when the policy is made.
"""

import re
from typing import Any, Final, NamedTuple

import orjson

from sim.cluster import refusals
from sim.cluster.cel import Failed, Reason, Wish, evaluated, policy_program
from sim.cluster.objects import Gate
from sim.cluster.rbac import Access, Person, Rbac, Rights
from sim.cluster.refusals import Refusal
from sim.cluster.resources import POLICIES, POLICY_BINDINGS, Resource, Unmodelled
from sim.cluster.store import Store
from wfexec.model.requests import Change

Json = dict[str, Any]

_STATUS_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_SPEC: Final = frozenset({"failurePolicy", "matchConstraints", "matchConditions", "variables", "validations"})
_BINDING: Final = frozenset({"policyName", "validationActions"})
_MATCH: Final = frozenset({"resourceRules", "excludeResourceRules", "matchPolicy"})
_RULE: Final = frozenset({"apiGroups", "apiVersions", "operations", "resources", "scope", "resourceNames"})
_VALIDATION: Final = frozenset({"expression", "message", "messageExpression", "reason"})
_REQUEST: Final = frozenset({"kind", "resource", "subResource", "name", "namespace", "operation", "userInfo", "dryRun"})
_USER_INFO: Final = frozenset({"username", "groups"})
_USED: Final = re.compile(r"\bvariables\.(\w+)")
_ASKED: Final = re.compile(r"\brequest\.(\w+)(?:\.(\w+))?")
# What an expression reads of the objects; a comparison with null reads nothing.
_READ: Final = re.compile(r"\b(?:object|oldObject)\b(?!\s*[!=]=\s*null)(?:\.metadata\.(\w+))?")
_MEMO_MAX: Final = 4_096


class Attempt(NamedTuple):
    """One write on its way; `operation` is CREATE or UPDATE."""

    operation: str
    resource: Resource
    subresource: str
    namespace: str
    name: str
    person: Person
    dry_run: bool


class _Program(NamedTuple):
    """`variables` are those it reads."""

    text: str
    code: Any
    variables: tuple[str, ...]


class _Validation(NamedTuple):
    """`says` None: no message expression."""

    holds: _Program
    says: _Program | None
    message: str
    reason: str


class _Policy(NamedTuple):
    """`reads`: the keys of the metadata that it looks at, None where it looks at more; `named`: at request.name."""

    name: str
    binding: str
    forgiving: bool
    rules: tuple[Json, ...]
    excluded: tuple[Json, ...]
    conditions: tuple[_Program, ...]
    variables: dict[str, _Program]
    validations: tuple[_Validation, ...]
    reads: tuple[str, ...] | None
    named: bool


class Admission:
    def __init__(self, store: Store, rights: Rights) -> None:
        self._store = store
        self._rights = rights
        # Verdicts by all that they depend on, for one state of the rights: who leaves the annotations alone is through
        # without another evaluation.
        self._rbac: Rbac | None = None
        self._memo: dict[Any, tuple[str, str] | None] = {}
        # None: to be read from the store.
        self._bound: tuple[_Policy, ...] | None = ()
        self._by_name = False
        self._matching: dict[tuple[str, str, str, str], tuple[_Policy, ...]] = {}
        for key in (POLICIES, POLICY_BINDINGS):
            store.watch(key, 0, self._changed)

    def gate(self, attempt: Attempt) -> Gate | None:
        """What judges the write once its object is known; None when nothing has to."""
        if attempt.resource.key in (POLICIES, POLICY_BINDINGS):
            return None if attempt.subresource else self._understood
        policies = self._policies(attempt)
        if not policies:
            return None
        return lambda new, old: self._judged(policies, attempt, new, old)

    def _changed(self, change: Change, body: Json, version: str) -> None:
        self._bound = None
        self._matching.clear()
        self._memo.clear()

    def _policies(self, attempt: Attempt) -> tuple[_Policy, ...]:
        if self._bound is None:
            self._bound = self._read()
            self._by_name = any(
                "resourceNames" in rule for each in self._bound for rule in (*each.rules, *each.excluded)
            )
        if not self._bound:
            return ()
        key = (attempt.operation, attempt.resource.key, attempt.subresource, attempt.name if self._by_name else "")
        found = self._matching.get(key)
        if found is None:
            found = self._matching[key] = tuple(policy for policy in self._bound if _matches(policy, attempt))
        return found

    def _read(self) -> tuple[_Policy, ...]:
        """Each bound policy, once for each binding."""
        made = []
        for stored in self._store.all(POLICY_BINDINGS):
            policy = self._store.get(POLICIES, "", stored.body["spec"]["policyName"])
            if policy is not None:
                made.append(self._compiled(policy.body, stored.name))
        return tuple(made)

    def _understood(self, new: Json, _old: Json | None) -> None:
        """A policy or binding that cannot be evaluated here raises now, not when it is first met."""
        spec = new.get("spec") or {}
        if new["kind"] == "ValidatingAdmissionPolicy":
            self._compiled(new, "")
        else:
            _only(spec, _BINDING, "binding")
            if spec.get("validationActions") != ["Deny"]:
                raise Unmodelled(f"an admission policy binding with actions {spec.get('validationActions')}")

    def _compiled(self, body: Json, binding: str) -> _Policy:
        spec = body["spec"]
        _only(spec, _SPEC, "policy")
        constraints = spec.get("matchConstraints") or {}
        _only({key: value for key, value in constraints.items() if value != {}}, _MATCH, "matchConstraints")
        rules = tuple(constraints.get("resourceRules") or ())
        excluded = tuple(constraints.get("excludeResourceRules") or ())
        for rule in (*rules, *excluded):
            _only(rule, _RULE, "rule")
        variables: dict[str, _Program] = {}
        for each in spec.get("variables") or ():
            variables[each["name"]] = self._program(each["expression"], variables)
        conditions = tuple(self._program(each["expression"], {}) for each in spec.get("matchConditions") or ())
        validations = tuple(self._validation(each, variables) for each in spec.get("validations") or ())
        programs = [*variables.values(), *conditions, *(each.holds for each in validations)]
        programs += [each.says for each in validations if each.says is not None]
        return _Policy(
            name=body["metadata"]["name"],
            binding=binding,
            forgiving=spec.get("failurePolicy", "Fail") == "Ignore",
            rules=rules,
            excluded=excluded,
            conditions=conditions,
            variables=variables,
            validations=validations,
            reads=_reads(programs),
            named=any("name" in (part for part, _ in _ASKED.findall(each.text)) for each in programs),
        )

    def _validation(self, each: Json, variables: dict[str, _Program]) -> _Validation:
        _only(each, _VALIDATION, "validation")
        holds = self._program(each["expression"], variables)
        says = self._program(each["messageExpression"], variables) if each.get("messageExpression") else None
        message = each.get("message") or f"failed expression: {each['expression'].strip()}"
        return _Validation(holds, says, message, each.get("reason") or "Invalid")

    def _program(self, text: str, variables: dict[str, _Program]) -> _Program:
        used = tuple(dict.fromkeys(_USED.findall(text)))
        if unknown := [name for name in used if name not in variables]:
            raise Unmodelled(f"admission expression {text!r}: no variable {', '.join(unknown)} before it")
        for part, inner in _ASKED.findall(text):
            if part not in _REQUEST or (part == "userInfo" and inner not in _USER_INFO):
                raise Unmodelled(f"admission expression {text!r}: request.{part}{'.' if inner else ''}{inner}")
        return _Program(text, policy_program(text), used)

    def _judged(self, policies: tuple[_Policy, ...], attempt: Attempt, new: Json, old: Json | None) -> Refusal | None:
        rbac = self._rights.now()
        if rbac is not self._rbac or len(self._memo) > _MEMO_MAX:
            self._rbac = rbac
            self._memo.clear()
        for policy in policies:
            told = self._told(policy, attempt, _part(policy, new), None if old is None else _part(policy, old), rbac)
            if told is not None:
                reason, message = told
                return _refusal(attempt, new, policy, reason, message)
        return None

    def _told(
        self, policy: _Policy, attempt: Attempt, new: Json, old: Json | None, rbac: Rbac
    ) -> tuple[str, str] | None:
        """Reason and message of the first denial."""
        reason = _reason(attempt.person, rbac)
        if policy.reads is None:
            return _verdict(policy, _context(attempt, new, old), reason)
        name = attempt.name if policy.named else ""
        about = (attempt.operation, attempt.resource.key, attempt.subresource, attempt.namespace, name)
        who = (attempt.person, attempt.dry_run)
        key = (policy.name, policy.binding, *about, *who, orjson.dumps((new, old), option=orjson.OPT_SORT_KEYS))
        if key not in self._memo:
            self._memo[key] = _verdict(policy, _context(attempt, new, old), reason)
        return self._memo[key]


def _reason(person: Person, rbac: Rbac) -> Reason:
    """How `authorizer` answers to this person."""

    def reason(wish: Wish, verb: str) -> str | None:
        resource = wish.get("resource", "")
        if wish.get("subresource"):
            resource = f"{resource}/{wish['subresource']}"
        access = Access(verb, wish.get("group", ""), resource, wish.get("namespace", ""), wish.get("name", ""))
        return rbac.allowed(person, access)

    return reason


def _reads(programs: list[_Program]) -> tuple[str, ...] | None:
    found = {key for program in programs for key in _READ.findall(program.text)}
    return None if "" in found else tuple(sorted(found))


def _part(policy: _Policy, body: Json) -> Json:
    """What the policy looks at of an object."""
    if policy.reads is None:
        return body
    meta = body["metadata"]
    return {"metadata": {key: meta[key] for key in policy.reads if key in meta}}


def _verdict(policy: _Policy, context: Json, reason: Reason) -> tuple[str, str] | None:
    """Reason and message of the first denial."""
    for condition in policy.conditions:
        value = _value(policy, condition, context, reason)
        if isinstance(value, Failed):
            return None if policy.forgiving else ("Invalid", f"match condition {condition.text!r}: {value.message}")
        if value is not True:
            return None
    for each in policy.validations:
        value = _value(policy, each.holds, context, reason)
        if isinstance(value, Failed):
            if policy.forgiving:
                continue
            return "Invalid", f"expression '{each.holds.text}' resulted in error: {value.message}"
        if value is not True:
            told = _value(policy, each.says, context, reason) if each.says is not None else None
            usable = isinstance(told, str) and told.strip() and "\n" not in told
            return each.reason, str(told) if usable else each.message
    return None


def _value(policy: _Policy, program: _Program, context: Json, reason: Reason) -> Any:
    """Variables are worked out when they are first used; one that fails is not there, so its reader fails too."""
    known: Json = context["variables"]
    for name in program.variables:
        if name not in known:
            found = _value(policy, policy.variables[name], context, reason)
            if not isinstance(found, Failed):
                known[name] = found
    return evaluated(program.code, context, reason)


def _context(attempt: Attempt, new: Json, old: Json | None) -> Json:
    resource, person = attempt.resource, attempt.person
    request = {
        "kind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "resource": {"group": resource.group, "version": resource.version, "resource": resource.plural},
        "subResource": attempt.subresource,
        "name": attempt.name,
        "namespace": attempt.namespace,
        "operation": attempt.operation,
        "userInfo": {"username": person.name, "groups": list(person.groups)},
        "dryRun": attempt.dry_run,
    }
    return {"object": new, "oldObject": old, "request": request, "variables": {}}


def _matches(policy: _Policy, attempt: Attempt) -> bool:
    return any(_covers(rule, attempt) for rule in policy.rules) and not any(
        _covers(rule, attempt) for rule in policy.excluded
    )


def _covers(rule: Json, attempt: Attempt) -> bool:
    resource = attempt.resource
    scope = rule.get("scope", "*")
    named = f"{resource.plural}/{attempt.subresource}" if attempt.subresource else resource.plural
    wild = ("*/*", f"*/{attempt.subresource}", f"{resource.plural}/*") if attempt.subresource else ("*", "*/*")
    names = rule.get("resourceNames") or ()
    return (
        _listed(rule.get("apiGroups"), resource.group)
        and _listed(rule.get("apiVersions"), resource.version)
        and _listed(rule.get("operations"), attempt.operation)
        and any(each in (named, *wild) for each in rule.get("resources") or ())
        and scope in ("*", "Namespaced" if resource.namespaced else "Cluster")
        and (not names or attempt.name in names)
    )


def _listed(options: list[str] | None, wanted: str) -> bool:
    return options is not None and (wanted in options or "*" in options)


def _refusal(attempt: Attempt, new: Json, policy: _Policy, reason: str, message: str) -> Refusal:
    if reason not in _STATUS_CODES:
        raise Unmodelled(f"an admission policy that refuses with reason {reason}")
    said = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{policy.binding}' denied request: {message}"
    refusal = refusals.forbidden(attempt.resource, new["metadata"]["name"], said)
    details = {**(refusal.details or {}), "causes": [{"message": said}]}
    return refusal._replace(status=_STATUS_CODES[reason], reason=reason, details=details)


def _only(given: Json, known: frozenset[str], what: str) -> None:
    if unknown := sorted(key for key, value in given.items() if key not in known and value is not None):
        raise Unmodelled(f"an admission {what} with {', '.join(unknown)}")
