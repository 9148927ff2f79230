"""What all messages have in common, and how they are made of values that come from outside."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.errors import BadRequest


class Strict(BaseModel):
    """Base of all messages: unknown fields are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Params = TypeVar("Params", bound=Strict)


def parse(kind: type[Params], values: dict[str, Any]) -> Params:
    """Make a message of values that come from outside.

    Raises:
        BadRequest: it names the first value that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ").lower()
        raise BadRequest(f"{name} {first['input']!r} is refused: {reason}") from exc
