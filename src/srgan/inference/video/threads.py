"""Work before and behind the network on threads of their own, so that it never waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()
_WAIT_S = 0.1


@contextmanager
def ahead(items: Iterator[T], *, held: int) -> Iterator[Iterator[T]]:
    """The same items, made on a thread up to ``held`` ahead of who takes them.

    What the iterator raises is raised where its next item was wanted. When the block ends, the
    thread has ended and the iterator is closed.
    """
    queue: Queue[Any] = Queue(held)
    stop = threading.Event()
    failed: list[BaseException] = []

    def make() -> None:
        try:
            for item in items:
                if not _put(queue, item, stop):
                    return
        except BaseException as error:  # told where it is wanted
            failed.append(error)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
        _put(queue, _END, stop)

    def taken() -> Iterator[T]:
        while True:
            item = queue.get()
            if item is _END:
                if failed:
                    raise failed[0]
                return
            yield item

    thread = threading.Thread(target=make, name="decode", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stop.set()
        thread.join()


@contextmanager
def behind(take: Callable[[T], None], *, held: int) -> Iterator[Callable[[T], None]]:
    """A function that hands items to ``take``, which runs on a thread up to ``held`` behind.

    What ``take`` raises is raised by the next call, or at the end of the block, which waits for
    all items; after an exception in the block the rest is left.
    """
    queue: Queue[Any] = Queue(held)
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        while not stop.is_set():
            try:
                item = queue.get(timeout=_WAIT_S)
            except Empty:
                continue
            if item is _END:
                return
            try:
                take(item)
            except BaseException as error:  # told to whoever hands over the next
                failed.append(error)
                stop.set()

    def put(item: Any) -> None:
        if not _put(queue, item, stop) and failed:
            raise failed[0]

    thread = threading.Thread(target=work, name="encode", daemon=True)
    thread.start()
    try:
        yield put
        put(_END)
        thread.join()
        if failed:
            raise failed[0]
    finally:
        stop.set()
        thread.join()


def _put(queue: Queue[Any], item: Any, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            queue.put(item, timeout=_WAIT_S)
            return True
        except Full:
            continue
    return False
