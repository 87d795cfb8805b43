"""Files that want to hurt: each is refused in words, within bounds, and none is half read."""

import pytest

from wfexec.crd.documents import BYTES_MAX, parse_documents
from wfexec.errors import BadInput

MIB = 1024 * 1024


def refusal(data: bytes, source: str = "x.yaml") -> str:
    with pytest.raises(BadInput) as caught:
        parse_documents(data, source)
    return str(caught.value)


def value(text: str, source: str = "x.yaml") -> object:
    (document,) = parse_documents(text.encode(), source)
    return document.value


@pytest.mark.parametrize(
    ("data", "source", "words"),
    [
        (b"a" * (10 * MIB), "x.yaml", "larger than 3 MiB"),
        (b"[" * BYTES_MAX, "x.yaml", "nested deeper than 64"),
        (b"[" * BYTES_MAX, "x.json", "nested deeper than 64"),
        (b'{"a":' * 500_000, "x.json", "nested deeper than 64"),
        (b"{a: " * 700_000, "x.yaml", "nested deeper than 64"),
        (b"- " * 1_500_000, "x.yaml", "nested deeper than 64"),
        (b"? " * 1_500_000, "x.yaml", "nested deeper than 64"),
        (b"- a\n" * 700_000, "x.yaml", "more than 200000 values"),
        (b'{"a":"' + b'\\"' * 1_400_000, "x.json", "not JSON"),
        (b"{" + b'"\\' * 1_400_000, "x.json", "not JSON"),
        (b"a: .nan", "x.yaml", "finite number (found .nan)"),
        (b"a: -.INF", "x.yaml", "finite number"),
        (b"a: 1e999", "x.yaml", "too large"),
        (b"a: " + b"9" * BYTES_MAX, "x.yaml", "larger than 3 MiB"),
        (b"a: " + b"9" * 2 * MIB, "x.yaml", "too large"),
        (b"a: 99999999999999999999", "x.yaml", "too many digits"),
        (b'{"a": NaN}', "x.json", "finite number (found NaN)"),
        (b'{"a": Infinity}', "x.json", "finite number"),
        (b'{"a": 1e999}', "x.json", "too large"),
        (b'{"a": ' + b"9" * 2 * MIB + b"}", "x.json", "too many digits"),
        (b"a: 1\nb: 2\na: 3\n", "x.yaml", "x.yaml:3: the same key twice in one map; remove one (found a)"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "x.json", "the same key twice in one object; remove one (found c)"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", "x.yaml", "merge keys"),
        (b"a: &a [*a]\n", "x.yaml", "anchor that is not complete"),
        (b"a: *b\n", "x.yaml", "anchor that is not complete"),
        (b"!!python/object/apply:os.system ['ls']", "x.yaml", "tags are not supported"),
        (b"a: !!binary aGFsbG8=", "x.yaml", "tags are not supported"),
        (b"a: \xff", "x.yaml", "not UTF-8"),
        (b"a: \0", "x.yaml", "not YAML"),
        (b"a: [1", "x.yaml", "not YAML: did not find expected"),
        (b"a:\n\t- b", "x.yaml", "x.yaml:2: not YAML"),
        (b"? [a]\n: b", "x.yaml", "keys are text"),
        (b"~: b", "x.yaml", "keys are text"),
        (b'{"a": "\\ud800"}', "x.json", "surrogate"),
        (b'{"a": 1', "x.json", "x.json:1: not JSON"),
    ],
    ids=range(35),
)
def test_refused_in_words(data: bytes, source: str, words: str) -> None:
    assert words in refusal(data, source)


def test_many_laughs_are_counted_before_they_are_told() -> None:
    lines = [b"a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [b"%c: &%c [%s]" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(12)]
    assert "more than 200000 values" in refusal(b"\n".join(lines))


def test_an_anchor_within_bounds_is_a_value() -> None:
    assert value("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert value("[" * 64 + "]" * 64)
    assert value("[" * 64 + "]" * 64, "x.json")
    assert "deeper" in refusal(b"[" * 65 + b"]" * 65)
    assert "deeper" in refusal(b"[" * 65 + b"]" * 65, "x.json")


def test_scalars_are_what_the_api_server_takes_them_for() -> None:
    text = "[yes, off, True, null, ~, '', 'true', 12, -3, 0755, 0x1F, 1.5, 1e3, 1_000, 12:30, 2026-01-01, !!str 5]"
    assert value(text) == [
        True,
        False,
        True,
        None,
        None,
        "",
        "true",
        12,
        -3,
        493,
        31,
        1.5,
        1000.0,
        "1_000",
        "12:30",
        "2026-01-01",
        "5",
    ]


def test_words_that_look_like_truth_values_are_fine_as_keys() -> None:
    assert value("{on: 1, yes: 2, 5: 3, true: 4}") == {"on": 1, "yes": 2, "5": 3, "true": 4}


def test_flow_style_that_is_not_json_is_yaml() -> None:
    assert value("{a: b}") == {"a": "b"}
    assert value('\ufeff{"a": "b"}') == {"a": "b"}


def test_lines_are_those_of_the_file() -> None:
    first, second = parse_documents(b"a: 1\n---\nb:\n  - c: 1\n  -\n    d: 2\n", "x.yaml")
    assert first.where(("a",)) == "x.yaml:1"
    assert second.where(()) == "x.yaml:2"
    assert second.where(("b", 1, "d")) == "x.yaml:6"
    assert second.where(("b", 1, "absent")) == "x.yaml:6"
    assert second.where(("b", 9)) == "x.yaml:3"


def test_json_has_no_lines() -> None:
    (document,) = parse_documents(b'{"a": 1}', "x.json")
    assert document.where(("a",)) == "x.json"
