"""Work ahead and behind on threads: the order, what is held, failures, ends."""

import threading
from collections.abc import Iterator

import pytest

from srgan.inference.video.threads import ahead, behind


def test_items_come_in_order_and_no_more_than_asked_are_made_ahead() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for n in range(20):
            made.append(n)
            yield n

    with ahead(numbers(), held=3) as items:
        assert next(items) == 0
        assert len(made) <= 1 + 3 + 1  # taken, held, and one that waits for its place
        assert list(items) == list(range(1, 20))


def test_what_fails_ahead_is_raised_where_its_item_was_wanted() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("no second")

    with ahead(numbers(), held=3) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="no second"):
            next(items)


def test_leaving_early_closes_the_iterator_and_ends_the_thread() -> None:
    closed: list[bool] = []

    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    running = threading.active_count()
    with ahead(numbers(), held=2) as items:
        next(items)
    assert closed == [True]
    assert threading.active_count() == running


def test_everything_handed_over_is_done_when_the_block_ends() -> None:
    done: list[int] = []
    with behind(done.append, held=1) as put:
        for n in range(30):
            put(n)
    assert done == list(range(30))


def test_what_fails_behind_is_raised_by_a_later_call_or_the_end() -> None:
    def take(n: int) -> None:
        if n == 3:
            raise OSError("the disk is full")

    def hand_over(numbers: range, held: int) -> None:
        with behind(take, held=held) as put:
            for n in numbers:
                put(n)

    for numbers, held in ((range(1000), 1), (range(4), 9)):
        with pytest.raises(OSError, match="the disk is full"):
            hand_over(numbers, held)


def test_after_a_failure_in_the_block_the_rest_is_left() -> None:
    gate = threading.Event()
    done: list[int] = []

    def take(n: int) -> None:
        gate.wait(10)
        done.append(n)

    def fail() -> None:
        with behind(take, held=5) as put:
            for n in range(4):
                put(n)
            threading.Timer(0.1, gate.set).start()
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert done in ([], [0])
