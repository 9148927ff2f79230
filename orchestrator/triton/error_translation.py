"""Translates errors of tritonclient by their gRPC status, or by their text if the status is ambiguous."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.errors import (
    InferenceFailed,
    InferenceTimedOut,
    ModelOutOfMemory,
    ModelProcessDied,
    ServiceError,
    TritonUnavailable,
)
from orchestrator.triton import server_key
from orchestrator.triton.launch import KEY_VARIABLE

if TYPE_CHECKING:
    from tritonclient.utils import InferenceServerException

DEADLINE_EXCEEDED = "StatusCode.DEADLINE_EXCEEDED"
NOT_LOADED = frozenset({"StatusCode.NOT_FOUND", "StatusCode.INVALID_ARGUMENT"})
"""Triton's answers to a question about a model that is not loaded."""

UNAVAILABLE = "StatusCode.UNAVAILABLE"
LOST = frozenset({UNAVAILABLE, "StatusCode.NOT_FOUND"})
"""Answers to a request that the server accepted before: the server is gone, or was restarted and no longer
knows the model or our shared memory."""

GIVEN_UP = frozenset({DEADLINE_EXCEEDED, "StatusCode.CANCELLED"})
"""We stopped waiting; the server may still be working."""

# Triton has no status for lack of memory. The native backend passes on onnxruntime's text, our Python-based
# one begins with "out of memory", and the Python backend's shared memory pool has a text of its own.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|bad_alloc|bad allocation|ALLOC_FAILED|shared memory pool size",
    re.IGNORECASE,
)
# The process that runs a Python-based model was killed. Triton notices only that it is gone; the most common
# reason is that the kernel killed it for lack of memory.
_STUB_DIED = re.compile(r"stub process .*is not healthy", re.IGNORECASE)


def one_line(error: InferenceServerException) -> str:
    """Return the server's message in one line, without the stack of a Python backend."""
    text = re.sub(r"\s+At:\s+/.*", "", error.message() or "no reason given", flags=re.DOTALL)
    return " ".join(text.split()).rstrip(";").strip()


def stub_died(error: InferenceServerException) -> bool:
    """Whether the process that runs the model is gone. Unloading and loading the model starts it again."""
    return _STUB_DIED.search(error.message() or "") is not None


def translate(
    error: InferenceServerException, *, doing: str, url: str, live: Callable[[], bool]
) -> ServiceError:
    """Return the error to raise.

    Args:
        error: what tritonclient raised.
        doing: what the call was for; the message begins with it.
        url: address of the server.
        live: returns whether the server answers now. UNAVAILABLE is also the status of a refused request, and
            a server that is killed in the middle of an answer can end it with any status.
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
    if server_key.is_missing(error):
        return InferenceFailed(
            f"{doing}: Triton at {url} asks for its key: set {KEY_VARIABLE} to the one it was started with"
        )
    return InferenceFailed(f"{doing}: {one_line(error)}")
