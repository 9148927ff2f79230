"""Reads settings from environment variables: numbers, flags, paths, lists.

A setting is a dataclass field, such as `wait_s: Annotated[float, Variable("WAIT_S", "seconds")] = 1.0`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from orchestrator.errors import BadRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Variable:
    """The environment variable of a setting.

    Attributes:
        name: the variable's name.
        unit: `text`, `path`, `key`, `1 or 0`, `hosts`, `networks` or `seconds`; any other unit, such as
            `bytes`, is that of a whole number.
        least: the least value of a number; None is 0, or a millisecond.
    """

    name: str
    unit: str
    least: float | None = None

    def read(self, text: str) -> Any:  # noqa: C901, PLR0911  a case for each unit
        """Return the value that a text stands for.

        Raises:
            BadRequest: the text is not a value of the unit; the message names the variable.
        """
        items = [item.strip() for item in text.split(",") if item.strip()]
        match self.unit:
            case "text":
                return text
            case "path":
                return Path(text).resolve()
            case "hosts":
                return tuple(item.lower().strip(".") for item in items)
            case "seconds":
                return self._seconds(text)
            case "1 or 0":
                if text not in {"0", "1"}:
                    raise BadRequest(f"{self.name}={text!r} is neither 1 nor 0")
                return text == "1"
            case "key":
                if not re.fullmatch(r"[\w-]+", text, re.ASCII):  # not quoted: it is a secret
                    raise BadRequest(
                        f"{self.name} has other characters than letters, digits, - and _; take openssl rand "
                        "-hex 16"
                    )
                return text
            case "networks":
                try:
                    return tuple(map(ipaddress.ip_network, items))
                except ValueError as exc:
                    example = "127.0.0.0/8,fd00::/8"
                    raise BadRequest(
                        f"{self.name} is not a list of networks such as {example}: {exc}"
                    ) from exc
        least = int(self.least or 0)
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise BadRequest(f"{self.name}={text!r} is not a whole number, {least} or more; give digits only")
        return int(text)

    def _seconds(self, text: str) -> float:
        least = 1e-3 if self.least is None else self.least
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value < float("inf"):
            raise BadRequest(f"{self.name}={text!r} is not a number of seconds, {least:g} or more")
        return value


def variables(settings: type[Any]) -> dict[str, Variable]:
    """Return the variables of a dataclass's settings, by the names of their fields."""
    hints = get_type_hints(settings, include_extras=True)
    found = {name: getattr(hint, "__metadata__", (None,))[0] for name, hint in hints.items()}
    return {name: variable for name, variable in found.items() if isinstance(variable, Variable)}


def values_from_environment(settings: type[Any]) -> dict[str, Any]:
    """Return the settings of a dataclass that the environment sets; unset and empty variables are left out.

    Raises:
        BadRequest: a variable has an invalid value.
    """
    texts = {name: (one, os.environ.get(one.name)) for name, one in variables(settings).items()}
    return {name: variable.read(text) for name, (variable, text) in texts.items() if text}
