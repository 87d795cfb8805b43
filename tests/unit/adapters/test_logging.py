"""What do log lines look like, and what never stands in them?"""

import io
import json
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfexec.adapters.logging import configure, write_record
from wfexec.model.plan import LogRecord
from wfexec.model.redact import MARK, is_secret_name, redact
from wfexec.model.requests import Kind, ObjectKey

KEY = ObjectKey(Kind.WORKFLOW, "shop", "heal")
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAK\n-----END RSA PRIVATE KEY-----"


@pytest.fixture
def restored() -> Iterator[None]:
    """The loggers as they were before."""
    root, ours = logging.getLogger(), logging.getLogger("wfexec")
    before = (root.handlers[:], root.level, ours.level)
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def written(form: str, level: str, *records: LogRecord) -> list[str]:
    stream = io.StringIO()
    configure(level, form, stream)
    for record in records:
        write_record(KEY, record)
    return stream.getvalue().splitlines()


def test_a_record_becomes_one_json_object_with_the_workflow(restored: None) -> None:
    record = LogRecord("warning", "step 2 timed out", (("stepNumber", "2"), ("phase", "executing")))
    (text,) = written("json", "info", record)
    line = json.loads(text)
    moment = line.pop("ts")
    assert len(moment) == 24
    assert moment.endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "wfexec.workflow",
        "msg": "step 2 timed out",
        "workflowexecution": "shop/heal",
        "stepNumber": "2",
        "phase": "executing",
    }


def test_the_console_is_for_people(restored: None) -> None:
    (line,) = written("console", "debug", LogRecord("debug", "look\nagain", (("why", "a b"), ("step", "2"))))
    assert line[13:] == r'debug    look\nagain workflowexecution=shop/heal why="a b" step=2'


def test_what_is_below_the_level_is_not_written(restored: None) -> None:
    lines = written("json", "warning", LogRecord("info", "a", ()), LogRecord("error", "b", ()))
    assert [json.loads(line)["msg"] for line in lines] == ["b"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_path_to_the_log_goes_past_the_redaction(restored: None, form: str) -> None:
    stream = io.StringIO()
    configure("debug", form, stream)
    log = logging.getLogger("wfexec.x")
    write_record(KEY, LogRecord("info", "password=hunter2", (("apiToken", "hunter2"), ("why", "token: hunter2"))))
    log.info("got %s", "pwd: hunter2", extra={"fields": {"url": "https://me:hunter2@host/x"}})
    try:
        raise ValueError("secret=hunter2")
    except ValueError:
        log.exception("failed")
    logging.getLogger("other.library").warning("Authorization: Bearer hunter2hunter2")
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count(MARK) >= 6


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("password=hunter2 next", f"password={MARK} next"),
        ("PASSWD: hunter2", f"PASSWD: {MARK}"),
        ('{"password":"hun ter,2","a":1}', f'{{"password":"{MARK}","a":1}}'),
        ('{"dbPassword": "hunter2"}', f'{{"dbPassword": "{MARK}"}}'),
        (r"{\"token\":\"hunter2\"}", rf"{{\"token\":\"{MARK}\"}}"),
        ("secret: 'hunter2'", f"secret: '{MARK}'"),
        ("api_key=abc&b=1", f"api_key={MARK}&b=1"),
        ("aws_secret_access_key = wJalrXUtnFEMI", f"aws_secret_access_key = {MARK}"),
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {MARK}."),
        ("postgres://me:hunter2@db:5432/x", f"postgres://me:{MARK}@db:5432/x"),
        ("database_url=postgres://db/x", f"database_url={MARK}"),
        ("Authorization: Bearer abcdefgh12", f"Authorization: Bearer {MARK}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MARK}"),
        ('"authorization":"Bearer abcdefgh12"', f'"authorization":"Bearer {MARK}"'),
        (f"jwt {JWT} end", f"jwt {MARK} end"),
        (f"key {PEM} end", f"key {MARK} end"),
        (f"open {PEM[:40]}", f"open {MARK}"),
        ("token dGhpc2lzYXZlcnlsb25ndG9rZW4xMjM0NTY3ODkw", f"token {MARK}"),
    ],
)
def test_secrets_are_cut_and_their_names_stay(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        'secret "db-password" not found in namespace shop',
        "secretName: web-tls",
        "author: somebody",
        "http://127.0.0.1:8080/healthz",
        "step 3 of 12: scale deployment web to 5",
        "token review failed",
        "workflow default/fix-it-a1b2c3 moved to executing",
    ],
)
def test_everyday_lines_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


PIECES = st.sampled_from(
    [
        '"',
        "'",
        "\\",
        ":",
        "=",
        " ",
        "\n",
        "password",
        "token",
        "Bearer ",
        "eyJ",
        ".",
        "a" * 40,
        "x",
        PEM[:31],
        "://",
        "@",
        "-",
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJa.", "-----BEGIN A-----", "password", 'password:"', "a://b:", "Bearer ", "\\"]
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    began = time.process_time()
    redact(piece * 100_000)
    assert time.process_time() - began < 2


def test_names_of_fields_that_hold_secrets() -> None:
    assert [is_secret_name(name) for name in ("password", "apiToken", "DB_PASSWORD", "Authorization")] == [True] * 4
    assert [is_secret_name(name) for name in ("secretName", "stepName", "author", "key")] == [False] * 4
