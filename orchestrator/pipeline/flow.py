"""Runs a generator ahead of its consumer, in a thread of its own, so that the stages of a job overlap.

A pipeline is a chain of ordinary generators, each wrapped in `ahead`. What a stage raises is raised where its
items are taken. Leaving the `with` block stops the stage at its next item and joins its thread.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")


@contextmanager
def ahead(stage: Generator[T, None, None], *, items: int, name: str) -> Iterator[Iterator[T]]:
    """Run a generator in a thread, at most `items` items ahead of the consumer.

    Args:
        stage: taken over: it is advanced and closed in the thread (so its `finally` and `with` run there).
        items: bound of the queue between, at least 1.
        name: of the thread.

    Yields:
        The stage's items, in order. What the stage raises is raised from here, after the items before it.
    """
    queue: _Handover[T] = _Handover(items)

    def run() -> None:
        try:
            for item in stage:
                if not queue.put(item):
                    break
            stage.close()
        except BaseException as exc:  # noqa: BLE001  re-raised in the consumer
            queue.finish(exc)
        else:
            queue.finish(None)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield iter(queue)
    finally:
        queue.stop()
        thread.join()


class _Handover(Generic[T]):
    """A bounded queue between one producer and one consumer that either side can end."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._stopped = False
        self._failure: BaseException | None = None

    def put(self, item: T) -> bool:
        """Hand an item over, waiting for room. False when the consumer has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._bound)
            if self._stopped:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def finish(self, failure: BaseException | None) -> None:
        """Say that no more items come, and why."""
        with self._changed:
            self._finished = True
            self._failure = failure
            self._changed.notify_all()

    def stop(self) -> None:
        """Say that no more items are wanted."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._finished or self._stopped)
                if self._items:
                    item = self._items.popleft()
                    self._changed.notify_all()
                elif self._failure is not None:
                    raise self._failure
                else:
                    return
            yield item
            del item  # the consumer owns it now: a frame is not kept alive while the next is waited for
