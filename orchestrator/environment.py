"""Reads values from environment variables: numbers, flags, paths, lists.

A dataclass field such as `timeout_s: Annotated[float, seconds("FRAMEWRIGHT_TIMEOUT_S")] = 10.0` is a setting.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Variable:
    """The environment variable of a setting.

    Attributes:
        name: the variable's name.
        unit: the unit or the form of its text, for docs/settings.md.
        read: makes the value of the text; raises BadRequest where the text is not what it should be.
    """

    name: str
    unit: str
    read: Callable[[str], Any]


def variables(settings: type[Any]) -> dict[str, Variable]:
    """Return the variables of a dataclass's settings, by the names of their fields."""
    hints = get_type_hints(settings, include_extras=True)
    found = {name: getattr(hint, "__metadata__", (None,))[0] for name, hint in hints.items()}
    return {name: variable for name, variable in found.items() if isinstance(variable, Variable)}


def values_from_environment(settings: type[Any]) -> dict[str, Any]:
    """Return what the environment gives a dataclass's settings; a variable that is unset or empty gives none.

    Raises:
        BadRequest: a variable does not hold what it should; the message names it.
    """
    texts = {name: (one, os.environ.get(one.name)) for name, one in variables(settings).items()}
    return {name: variable.read(text) for name, (variable, text) in texts.items() if text}


def seconds(name: str, *, least: float = 1e-3) -> Variable:
    """Return a variable that holds a time."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value < float("inf"):
            raise BadRequest(f"{name}={text!r} is not a number of seconds, {least:g} or more")
        return value

    return Variable(name, "seconds", read)


def whole_number(name: str, unit: str, *, least: int = 0) -> Variable:
    """Return a variable that holds a whole number."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise BadRequest(f"{name}={text!r} is not a whole number, {least} or more; give digits only")
        return int(text)

    return Variable(name, unit, read)


def text(name: str) -> Variable:
    """Return a variable that holds any text."""
    return Variable(name, "text", str)


def path(name: str) -> Variable:
    """Return a variable that holds the path of a file or a folder."""
    return Variable(name, "path", lambda text: Path(text).resolve())


def flag(name: str) -> Variable:
    """Return a variable that holds 1 for True or 0 for False."""

    def read(text: str) -> bool:
        if text not in {"0", "1"}:
            raise BadRequest(f"{name}={text!r} is neither 1 nor 0")
        return text == "1"

    return Variable(name, "1 or 0", read)


def token(name: str) -> Variable:
    """Return a variable that holds a key; messages do not quote it."""

    def read(text: str) -> str:
        if not re.fullmatch(r"[\w-]+", text, re.ASCII):
            raise BadRequest(
                f"{name} has other characters than letters, digits, - and _; take openssl rand -hex 16"
            )
        return text

    return Variable(name, "letters, digits, - and _", read)


def hosts(name: str) -> Variable:
    """Return a variable that holds a list of hosts."""
    return Variable(
        name, "names, with commas between", lambda text: tuple(h.lower().strip(".") for h in _items(text))
    )


def networks(name: str) -> Variable:
    """Return a variable that holds a list of networks."""

    def read(text: str) -> tuple[Network, ...]:
        try:
            return tuple(map(ipaddress.ip_network, _items(text)))
        except ValueError as exc:
            raise BadRequest(f"{name} is not a list of networks such as 127.0.0.0/8,fd00::/8: {exc}") from exc

    return Variable(name, "networks, with commas between", read)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
