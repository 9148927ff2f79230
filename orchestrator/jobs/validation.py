"""What all messages have in common, and how they are made of values that come from outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LONGEST_TOLD = 60
_NAME = re.compile(r"\w{1,40}")
_TAGS = {"box", "keyframes", "size object", "size text"}
"""What pydantic puts into the place of an error to say which kind of value was tried."""


class Strict(BaseModel):
    """Base of all messages: unknown fields are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


LONGEST_NAME = 200

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no name has: control characters, separators of lines, halves of characters."""


def check_text(text: str) -> str:
    """The text, where a name can be so: it is printed in a line, and becomes part of paths and C strings.

    Raises:
        ValueError: it has a NUL, a line break, another control character or half a character in it.
    """
    if found := _NO_TEXT.search(text):
        raise ValueError(f"it has the character {found[0]!r}, which no name has; leave it out")
    return text


Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(check_text)]
"""Of a model or of a class."""

Message = TypeVar("Message")


def parse(kind: type[Message], values: Any) -> Message:
    """Make a message of values that come from outside.

    Raises:
        BadRequest: it names the first value that is wrong.
    """
    return parse_as(TypeAdapter(kind), values)


def parse_as(adapter: TypeAdapter[Message], values: Any) -> Message:
    """Make a message as `parse` does, of one of several kinds."""
    try:
        return adapter.validate_python(values)
    except ValidationError as exc:
        raise BadRequest(_one_line(exc.errors(include_url=False)[0])) from exc


def _one_line(error: ErrorDetails) -> str:
    """Say which value is wrong, and how."""
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
            said, known = _told(error["ctx"]["tag"]), error["ctx"]["expected_tags"]
            return f"{error['ctx']['discriminator'].strip(chr(39))} {said}is refused: there are {known}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{name or 'the job'} {_told(error['input'])}is refused: give an object"
    reason = error["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    return f"{name} {_told(error['input'])}is refused: {reason}" if name else reason


def _told(value: object) -> str:
    """Return a value for a message, in short; nothing of what may hold the signature of a URL."""
    if isinstance(value, (dict, list, tuple, str)) and "://" in str(value):
        return ""
    text = repr(value)
    return f"{text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + '...'} "
