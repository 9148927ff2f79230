"""Runs a generator in a thread, ahead of its consumer, so that the stages of a job overlap.

A pipeline is a chain of ordinary generators, each wrapped in `ahead`. An error in a stage is raised in its
consumer. The exit of the `with` block stops the stage at its next item and joins its thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(
    stage: Generator[T, None, None],
    *,
    items: int,
    name: str,
    most_bytes: int | None = None,
    size_of: Callable[[T], int] = lambda _: 0,
) -> Iterator[Iterator[T]]:
    """Run a generator in a thread, at most `items` items and `most_bytes` ahead of the consumer.

    The stage is advanced only when there is room for another item of the size of the last one, or nothing
    waits: so one item may be larger than `most_bytes`, and none waits outside of the queue.

    Args:
        stage: is advanced and closed in the thread only, so its `finally` and `with` blocks run there.
        items: maximum number of items that wait for the consumer, at least 1.
        name: the name of the thread.
        most_bytes: maximum size of the items that wait for the consumer; None sets none.
        size_of: returns the size of an item, in bytes; needed with `most_bytes`.

    Yields:
        An iterator over the stage's items, in order. It raises the stage's error after the items before it.
    """
    queue: _BoundedQueue[T] = _BoundedQueue(items, most_bytes, size_of)

    def run() -> None:
        try:
            while queue.wait_for_room():
                try:
                    queue.put(next(stage))
                except StopIteration:
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

    def __init__(self, most: int, most_bytes: int | None, size_of: Callable[[T], int]) -> None:
        self._most, self._most_bytes, self._size_of = most, most_bytes, size_of
        self._items: deque[T] = deque()
        self._bytes = self._last_bytes = 0
        self._changed = threading.Condition()
        self._finished = False
        self._stopped = False
        self._failure: BaseException | None = None

    def wait_for_room(self) -> bool:
        """Wait until another item fits; return False if the consumer has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._has_room())
            return not self._stopped

    def _has_room(self) -> bool:
        if not self._items:
            return True
        fits = self._most_bytes is None or self._bytes + self._last_bytes <= self._most_bytes
        return fits and len(self._items) < self._most

    def put(self, item: T) -> None:
        """Add an item, unless the consumer has stopped."""
        with self._changed:
            if self._stopped:
                return
            self._last_bytes = self._size_of(item)
            self._bytes += self._last_bytes
            self._items.append(item)
            self._changed.notify_all()

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
                    self._bytes -= self._size_of(item)
                    self._changed.notify_all()
                elif self._failure is not None:
                    raise self._failure
                else:
                    return
            yield item
            del item  # the consumer owns it now: a frame is not kept alive while the next is waited for
