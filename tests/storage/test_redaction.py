"""Tests that redaction removes secrets from text, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.redaction import RedactedStream, Redactor, secrets_of, without_paths, without_query

SIGNATURE = "c0ffee" * 10
SIGNED = f"https://media.example.com/a/in.mp4?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"cannot fetch {SIGNED} at all", "cannot fetch https://media.example.com/a/in.mp4?... at all"),
        (
            f"{{'input_url': '{SIGNED}', 'n': 1}}",
            "{'input_url': 'https://media.example.com/a/in.mp4?...', 'n': 1}",
        ),
        ("s3://user:pass@bucket/key#part", "s3://bucket/key?..."),
        (f"said X-Amz-Signature={SIGNATURE}&x=1", "said X-Amz-Signature=...&x=1"),
        ("see https://example.com/docs for more", "see https://example.com/docs for more"),
        ("no //user:opes@h/x, no https:\\\\user:op/es@h", "no //...@h/x, no https:\\\\...@h"),
        ("at 12:30:01 https://example.com/a@2x.png", "at 12:30:01 https://example.com/a@2x.png"),
        ("the key is opensesame, really", "the key is ..., really"),
        ("", ""),
    ],
)
def test_signatures_and_secrets_are_hidden(text: str, clean: str) -> None:
    assert Redactor(["opensesame"])(text) == clean


@pytest.mark.parametrize("piece", ["?", "&a", "X-Amz-", "a:", "token=", "file://", "/a."])
def test_a_long_text_takes_no_longer_for_each_of_its_parts(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert secrets_of(text) <= {text}
    Redactor()(text)
    without_paths(text)


@given(
    before=st.text(),
    after=st.text(),
    signature=st.text("0123456789abcdefABCDEF+/=_-", min_size=20, max_size=90),
    broken=st.integers(0, 40),
)
def test_what_a_job_holds_is_hidden_wherever_it_stands(
    before: str, after: str, signature: str, broken: int
) -> None:
    url = f"https://media.example.com/in.mp4?Expires=1&Signature={signature}"
    redact = Redactor()
    with redact.holding(secrets_of(json.dumps({"params": [{"input_url": url}]}))):
        assert signature not in redact(before + url[broken:] + after)
        assert signature not in redact(before + "\n" + signature + after)
    assert signature in redact(f"({signature})")


def test_a_stream_hides_what_anybody_writes_to_it() -> None:
    written = io.StringIO()
    stream = RedactedStream(written, Redactor())
    print("got", SIGNED, file=stream)
    stream.writelines([SIGNED, "\n"])
    assert SIGNATURE not in written.getvalue()
    assert written.getvalue().count("in.mp4?...") == 2
    assert not stream.isatty()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/jobs/x1/input.mp4 is empty", "input.mp4 is empty"),
        ("no space is left in /jobs/x1; free some", "no space is left in the job's folder; free some"),
        (
            "failed to open /opt/models/lite-x4/1/model.onnx: no such file",
            "failed to open (a path): no such file",
        ),
        ("see '/usr/lib/x.so'", "see '(a path)'"),
        ("failed:/opt/models/x.onnx", "failed:(a path)"),
        ("put file:///home/me/out.mp4 there", "put out.mp4 there"),
        ("at most 24/1 fps or 16:9, 3 / 4 of it, and/or https://example.com/a/b", None),
        ("https is wanted: https://example.com/ and http://127.0.0.1:8000/a.mp4 are not alike", None),
    ],
)
def test_paths_of_the_machine_are_hidden(text: str, clean: str | None) -> None:
    assert without_paths(text, Path("/jobs/x1")) == (clean or text)


def test_an_address_is_shown_without_its_query() -> None:
    assert without_query(SIGNED) == "https://media.example.com/a/in.mp4"
    assert without_query("s3://bucket/folder/key.mp4") == "s3://bucket/folder/key.mp4"
    assert without_query("http://user:pass@127.0.0.1:9000/a?b#c") == "http://127.0.0.1:9000/a"
