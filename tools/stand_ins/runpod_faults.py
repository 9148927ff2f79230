"""Describes what goes wrong at RunPod on request: refusals, silence, lost answers, and webhooks that err."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Route = Literal["run", "status", "cancel", "retry", "health"]


@dataclass(frozen=True)
class Fault:
    """What happens to a request in place of the usual.

    Attributes:
        takes_effect: whether RunPod does what the request asks for.
        hold_s: how long it waits before it answers.
        until: what it waits for before it answers.
        after_webhook: it answers only after the job's webhook was sent.
        answer: the status and body of the answer; None closes the connection without one. `...` stands for
            the usual answer.
    """

    takes_effect: bool = True
    hold_s: float = 0.0
    until: threading.Event | None = None
    after_webhook: bool = False
    answer: Any = ...
    content_type: str = "application/json"


def refusal(status: int) -> Fault:
    """Answer with a status such as 429, 500 or 503, and do nothing."""
    return Fault(takes_effect=False, answer=(status, b'{"error": "a fault that a test asked for"}'))


def silence(hold_s: float = 0.0) -> Fault:
    """Do nothing, and close the connection after a while without an answer."""
    return Fault(takes_effect=False, hold_s=hold_s, answer=None)


def lost_answer(hold_s: float = 0.0) -> Fault:
    """Do what was asked for, but close the connection without an answer."""
    return Fault(hold_s=hold_s, answer=None)


def late_answer(hold_s: float) -> Fault:
    """Answer as usual, but late; the request takes effect at once."""
    return Fault(hold_s=hold_s)


def held_answer(until: threading.Event) -> Fault:
    """Answer as usual, but only when an event is set; the request takes effect at once."""
    return Fault(until=until)


def answer_after_webhook() -> Fault:
    """Let /run answer only after the job has ended and its webhook was sent."""
    return Fault(after_webhook=True)


def other_answer(
    body: bytes, status: int = 200, *, takes_effect: bool = True, content_type: str = "text/html"
) -> Fault:
    """Answer with something else, such as a page of HTML."""
    return Fault(takes_effect=takes_effect, answer=(status, body), content_type=content_type)


@dataclass(frozen=True)
class WebhookFault:
    """What happens to a webhook in place of the usual.

    Attributes:
        copies: how many times it is sent; 0 loses it.
        delay_s: how much later it is sent.
    """

    copies: int = 1
    delay_s: float = 0.0


@dataclass
class Faults:
    """The faults that are still to come, in order.

    Attributes:
        choose: decides where no fault was queued: a function of the route and the job's id ("" for /run).
        choose_webhook: the same for webhooks.
    """

    choose: Callable[[Route, str], Fault | None] = lambda _route, _job_id: None
    choose_webhook: Callable[[str], WebhookFault | None] = lambda _job_id: None
    _requests: defaultdict[Route, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    _webhooks: deque[WebhookFault] = field(default_factory=deque)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self.choose = lambda _route, _job_id: None
        self.choose_webhook = lambda _job_id: None
        self._requests.clear()
        self._webhooks.clear()

    def add(self, route: Route, *faults: Fault) -> None:
        """Let the next requests of a route meet these faults, one each."""
        self._requests[route].extend(faults)

    def add_webhook(self, *faults: WebhookFault) -> None:
        """Let the webhooks of the next jobs that end meet these faults, one each."""
        self._webhooks.extend(faults)

    def of_request(self, route: Route, job_id: str) -> Fault:
        queue = self._requests[route]
        return queue.popleft() if queue else self.choose(route, job_id) or Fault()

    def of_webhook(self, job_id: str) -> WebhookFault:
        if self._webhooks:
            return self._webhooks.popleft()
        return self.choose_webhook(job_id) or WebhookFault()
