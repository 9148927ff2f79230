"""Validates by a JSON Schema whose patterns mean what ECMA-262 says, as the standard has it.

In Python, `$` also matches before a line feed at the end of a text; in ECMA-262 it does not.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema


def schema_validator(schema: dict[str, Any]) -> Any:
    """Return a validator of JSON values by a schema of the draft 2020-12."""
    kind: Any = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _check_pattern})
    return kind(schema)


def _check_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Any:
    if isinstance(value, str) and not re.search(re.sub(r"\$(?=$|\||\))", r"\\Z", pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")
