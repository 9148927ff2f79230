"""Translate what tritonclient raises: by gRPC status, and by text where only the text tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.errors import (
    InferenceFailed,
    InferenceTimedOut,
    ModelOutOfMemory,
    ModelProcessDied,
    ServiceError,
    TritonUnavailable,
)
from orchestrator.triton import server_key as key
from orchestrator.triton.launch import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tritonclient.utils import InferenceServerException

DEADLINE_EXCEEDED = "StatusCode.DEADLINE_EXCEEDED"
NOT_LOADED = frozenset({"StatusCode.NOT_FOUND", "StatusCode.INVALID_ARGUMENT"})
"""Triton's answers to a question about a model that is not loaded."""

UNAVAILABLE = "StatusCode.UNAVAILABLE"
LOST = frozenset({UNAVAILABLE, "StatusCode.NOT_FOUND"})
"""Answers to a request that the server took before: it is gone, or was restarted and knows neither the model
nor our shared memory any more."""

GIVEN_UP = frozenset({DEADLINE_EXCEEDED, "StatusCode.CANCELLED"})
"""We stopped waiting; the server may still be at work."""

# Triton has no status for a lack of memory. The native backend passes onnxruntime's text on, our Python-based
# one begins with "out of memory", the Python backend's own shared memory fails with its own text.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|bad_alloc|bad allocation|ALLOC_FAILED|shared memory pool size",
    re.IGNORECASE,
)
# The process that runs a Python-based model was killed. Triton sees only that it is gone; the kernel kills
# for lack of memory, and little else does.
_STUB_DIED = re.compile(r"stub process .*is not healthy", re.IGNORECASE)


def one_line(error: InferenceServerException) -> str:
    """Return the server's message in one line, without the stack of a Python backend."""
    text = re.sub(r"\s+At:\s+/.*", "", error.message() or "no reason given", flags=re.DOTALL)
    return " ".join(text.split()).rstrip(";").strip()


def stub_died(error: InferenceServerException) -> bool:
    """Whether the process that runs the model is gone: unloading and loading the model brings it back."""
    return _STUB_DIED.search(error.message() or "") is not None


def translate(
    error: InferenceServerException, *, doing: str, url: str, live: Callable[[], bool]
) -> ServiceError:
    """Return the error to raise.

    Args:
        error: of tritonclient.
        doing: what was asked, to begin the message.
        url: of the server.
        live: asks whether the server answers now. UNAVAILABLE alone does not tell a dead server from one
            that refuses a request, and a server killed in the middle of an answer can end it with any status.
    """
    if stub_died(error):
        return ModelProcessDied(
            f"{doing}: the process that runs the model died, most likely for lack of memory"
        )
    if _OUT_OF_MEMORY.search(error.message() or ""):
        return ModelOutOfMemory(f"{doing}: the server has too little memory: {one_line(error)}")
    if error.status() == DEADLINE_EXCEEDED:
        return InferenceTimedOut(
            f"{doing}: no answer within the time allowed; raise the timeout or lighten the work"
        )
    if not live():
        return TritonUnavailable(f"{doing}: Triton at {url} died or cannot be reached; is it still running?")
    if key.is_wanted(error):
        return InferenceFailed(
            f"{doing}: Triton at {url} asks for its key: set {KEY_VARIABLE} to the one it was started with"
        )
    return InferenceFailed(f"{doing}: {one_line(error)}")
