"""Runs a generator in a thread, ahead of its consumer, so that the stages of a job overlap.

A pipeline is a chain of ordinary generators, each wrapped in `ahead`. An error in a stage is raised in its
consumer. The exit of the `with` block stops the stage at its next item and joins its thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(stage: Generator[T, None, None], *, items: int, name: str) -> Iterator[Iterator[T]]:
    """Run a generator in a thread, at most `items` items ahead of the consumer.

    Args:
        stage: is advanced and closed in the thread only, so its `finally` and `with` blocks run there.
        items: maximum number of items that wait for the consumer, at least 1.
        name: the name of the thread.

    Yields:
        An iterator over the stage's items, in order. It raises the stage's error after the items before it.
    """
    queue: _BoundedQueue[T] = _BoundedQueue(items)

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


class _BoundedQueue(Generic[T]):
    """A bounded queue between one producer and one consumer; either side can end it."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._finished = False
        self._stopped = False
        self._failure: BaseException | None = None

    def put(self, item: T) -> bool:
        """Add an item, after waiting for room; return False if the consumer has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._bound)
            if self._stopped:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def finish(self, failure: BaseException | None) -> None:
        """End the queue after the items in it; the consumer raises `failure` then, if there is one."""
        with self._changed:
            self._finished = True
            self._failure = failure
            self._changed.notify_all()

    def stop(self) -> None:
        """End the queue at once: the consumer wants no more items."""
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
