"""Describes a job as RunPod keeps it: its policy, its states, its runs, and what /status says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
DAY_MS = 86_400_000


class Refused(Exception):
    """A request gets an error.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Policy:
    """How long a job may take, in milliseconds, with RunPod's defaults."""

    execution_timeout_ms: int = 600_000
    ttl_ms: int = DAY_MS

    @classmethod
    def of(cls, values: object) -> Policy:
        """Read `policy` of a request.

        Raises:
            Refused: a value has another type, or is outside RunPod's bounds.
        """
        if values is None:
            return cls()
        if not isinstance(values, Mapping):
            raise Refused(400, "policy is not an object")
        if not isinstance(values.get("lowPriority", False), bool):
            raise Refused(400, "policy.lowPriority is not a boolean")
        return cls(
            _bounded(values, "executionTimeout", cls.execution_timeout_ms, 5_000),
            _bounded(values, "ttl", cls.ttl_ms, 10_000),
        )


@dataclass
class Run:
    """One run of a job by a worker, in seconds of the stand-in's clock; `end_s` is None while it runs."""

    start_s: float
    end_s: float | None = None

    @property
    def ms(self) -> int | None:
        return None if self.end_s is None else round((self.end_s - self.start_s) * 1000)


@dataclass(frozen=True)
class Delivery:
    """An attempt to send a webhook.

    Attributes:
        state: the state of the job that it told.
        status: the HTTP status of the answer; None if none came.
    """

    state: str
    status: int | None


@dataclass
class Job:
    """A job, from its acceptance on; the record of it stays after RunPod has deleted it.

    Attributes:
        request: the body of the request: input, webhook, policy.
        accepted_s: when it was accepted, on the stand-in's clock.
        accepted_at: the same as a Unix time, for comparison with the API's database.
        runs: its runs; more than one if it was retried or run twice.
        webhooks_to_come: how many webhooks are still to be sent, or to be sent again.
        deleted: whether /status is 404, because `ttl` or the retention is over.
        replaced: values that replace those of the status; `...` leaves a field out.
    """

    id: str
    request: dict[str, Any]
    policy: Policy
    accepted_s: float
    accepted_at: float = field(default_factory=time.time)
    state: str = "IN_QUEUE"
    progress: Any = None
    answer: dict[str, Any] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    retries: int = 0
    worker_id: str = ""
    deleted: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    webhooks_to_come: int = 0
    replaced: dict[str, Any] = field(default_factory=dict)

    @property
    def input(self) -> Any:
        return self.request["input"]

    @property
    def webhook(self) -> str | None:
        return self.request.get("webhook")

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def execution_ms(self) -> int | None:
        """The executionTime: the length of the last run."""
        return self.runs[-1].ms if self.runs else None

    def reset(self) -> None:
        """Return to the queue, without the answer of the last run."""
        self.state, self.answer, self.progress = "IN_QUEUE", {}, None
        self.retries += 1

    def status(self) -> dict[str, Any]:
        """Return the body of /status."""
        values: dict[str, Any] = {"id": self.id, "status": self.state}
        if self.runs:
            values["delayTime"] = round((self.runs[0].start_s - self.accepted_s) * 1000)
            values["workerId"] = self.worker_id
        if self.state == "IN_PROGRESS" and self.progress is not None:
            values["output"] = self.progress
        if self.is_final:
            values |= {name: self.answer[name] for name in ("output", "error") if name in self.answer}
            if self.execution_ms is not None:
                values["executionTime"] = self.execution_ms
        if self.retries:
            values["retries"] = self.retries
        if self.is_final:
            values |= self.replaced
        return {name: value for name, value in values.items() if value is not ...}

    def notice(self) -> dict[str, Any]:
        """Return the body of the webhook, which repeats the job's input and the webhook's own address."""
        return self.status() | {"input": self.input, "webhook": self.webhook}


def _bounded(values: Mapping[str, Any], name: str, default: int, low: int) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(400, f"policy.{name} is not an integer")
    if not low <= value <= 7 * DAY_MS:
        raise Refused(400, f"policy.{name} is not between {low} and {7 * DAY_MS}")
    return value
