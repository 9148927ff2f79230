"""Tests that text from files and jobs can always be encoded."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.utf8_json import json_text, safe_text

TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)


def test_bytes_that_are_no_utf8_and_lone_surrogates_are_written_out() -> None:
    tag = b"BAD\xff\xedKEY \xc3\xa9".decode("utf-8", "surrogateescape")
    assert safe_text(tag) == "BAD\\xff\\xedKEY é"
    assert safe_text("\ud800 \U0001f600") == "\\ud800 \U0001f600"


@given(TEXT)
def test_every_text_can_be_encoded_and_good_text_is_as_it_was(text: str) -> None:
    safe = safe_text(text)
    safe.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert safe != text
    else:
        assert safe == text


@given(
    st.recursive(
        TEXT | st.floats() | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    )
)
def test_every_value_becomes_json_that_a_strict_reader_takes(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(json_text(value).encode().decode("utf-8"), parse_constant=refuse)
