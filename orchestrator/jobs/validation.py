"""Validates values from outside against the models of jobs and results, and words the errors."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from orchestrator.errors import BadRequest

_LONGEST_QUOTE = 60
_NAME = re.compile(r"\w{1,40}")
_TAGS = {"box", "keyframes", "size object", "size text"}
"""Names of union members, which pydantic puts into the location of an error."""


class Strict(BaseModel):
    """Base class of all models: unknown fields are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


LONGEST_NAME = 200

_NO_TEXT = re.compile(r"[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]")
"""Characters that no name has: control characters, line separators, lone surrogates."""


def check_text(text: str) -> str:
    """Return the text of a name, which is printed in a line and becomes part of paths and C strings.

    Raises:
        ValueError: it contains a NUL, a line break, another control character or a lone surrogate.
    """
    if found := _NO_TEXT.search(text):
        raise ValueError(f"it has the character {found[0]!r}, which no name has; leave it out")
    return text


Name = Annotated[
    str,
    Field(
        max_length=LONGEST_NAME,
        json_schema_extra={
            "$comment": "it has a character that no name has; leave it out",
            "not": {"type": "string", "pattern": _NO_TEXT.pattern},
        },
    ),
    AfterValidator(check_text),
]
"""The name of a model or of a class."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A whole number or a fraction; text is refused."""

LARGEST_INTEGER = 2**53 - 1
"""Larger integers differ between parsers of JSON (RFC 8259, section 6)."""


def whole_number(value: object) -> object:
    """Return an integral float as an int, as JSON does not tell 2.0 from 2; else the value itself."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGRAL = BeforeValidator(whole_number)
"""Takes integral floats. It comes last in `Annotated`: bounds after it would be lost in the JSON Schema."""
WholeNumber = Annotated[int, Field(strict=True), INTEGRAL]
"""A whole number, which may be written as 2.0; text is refused."""

Flag = Annotated[bool, Field(strict=True)]
"""True or false; numbers and text are refused."""

Address = Annotated[
    str,
    Field(
        json_schema_extra={
            "$comment": "give an https address, or s3://bucket/key",
            "maxLength": 8192,
            "pattern": r"^([Hh][Tt][Tt][Pp][Ss]?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?([/?#][!-\[\]-~]*)?"
            r"|s3://[a-z0-9.-]{3,63}/[^\x00-\x1f\x7f]+)$",
        }
    ),
]
"""An address that the worker fetches or uploads to. `storage` checks it."""

Model = TypeVar("Model")


def parse(kind: type[Model], values: Any) -> Model:
    """Validate values from outside, and return them as a model.

    Raises:
        BadRequest: a value is wrong; the message names the first one.
    """
    return parse_as(TypeAdapter(kind), values)


def parse_as(adapter: TypeAdapter[Model], values: Any) -> Model:
    """Do what `parse` does, for one of several models."""
    try:
        return adapter.validate_python(values)
    except ValidationError as exc:
        raise BadRequest(_one_line(exc.errors(include_url=False)[0])) from exc


def _one_line(error: ErrorDetails) -> str:
    """Return a message that says which value is wrong, and how."""
    place = [str(part) for part in error["loc"] if part not in _TAGS]
    name = ".".join(part if _NAME.fullmatch(part) else "(a name)" for part in place)
    match error["type"]:
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"{name} is not known here: check its spelling, or leave it out"
        case "union_tag_not_found":
            return f"{'.'.join([*place, error['ctx']['discriminator'].strip(chr(39))])} is missing"
        case "union_tag_invalid":
            quoted, known = _quoted(error["ctx"]["tag"]), error["ctx"]["expected_tags"]
            return f"{error['ctx']['discriminator'].strip(chr(39))} {quoted}is refused: there are {known}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{name or 'the job'} {_quoted(error['input'])}is refused: give an object"
    reason = error["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    return f"{name} {_quoted(error['input'])}is refused: {reason}" if name else reason


def _quoted(value: object) -> str:
    """Return a value for a message, shortened; nothing if it may contain the signature of a URL."""
    if isinstance(value, (dict, list, tuple, str)) and "://" in str(value):
        return ""
    text = repr(value)
    return f"{text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + '...'} "
