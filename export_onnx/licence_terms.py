"""Says whether a product with closed source may use weights of a licence; a description, not legal advice."""

from __future__ import annotations

from typing import Literal

ClosedProduct = Literal["yes", "no", "unknown"]

_PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "WTFPL",
}
"""They ask for notices or names, not for source code."""

_RESTRICTING = ("AGPL-", "GPL-", "CC-BY-NC-", "CC-BY-SA-", "CC-BY-ND-")
"""They ask for the source of what is built on the weights, or forbid commercial use, or changes."""


def closed_product(licence: str) -> ClosedProduct:
    """Return whether a product with closed source may use weights of this SPDX licence (docs/licences.md)."""
    spelled = licence.lower()  # SPDX, annex D: identifiers match in any case
    if spelled in {name.lower() for name in _PERMISSIVE}:
        return "yes"
    return "no" if spelled.startswith(tuple(start.lower() for start in _RESTRICTING)) else "unknown"
