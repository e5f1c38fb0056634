import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from srgan.errors import Cancelled, ImageRefused
from srgan.server.child import Child, ChildDied, ChildTimeout


def make() -> Any:
    """Runs in the child; does what it is told."""

    def serve(question: Any, asked: Any) -> Any:
        match question:
            case "pid":
                return os.getpid()
            case "crash":
                os._exit(3)
            case "defect":
                raise ZeroDivisionError
            case "hang":
                time.sleep(600)
            case "refuse":
                raise ImageRefused("not a picture")
            case "work":
                for i in range(6000):
                    if asked.cancelled():
                        raise Cancelled("cancelled")
                    asked.progress(i / 6000)
                    time.sleep(0.05)
        return None

    return serve


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child("test-child", make)
    yield made
    made.stop()


def test_one_process_answers_all_questions(child: Child) -> None:
    assert child.ask("pid", timeout=180) == child.pid != os.getpid()
    assert child.ask("pid", timeout=180) == child.pid
    assert child.starts == 1


def test_an_error_of_the_library_comes_back_as_itself(child: Child) -> None:
    with pytest.raises(ImageRefused, match="not a picture"):
        child.ask("refuse", timeout=180)
    assert child.ask("pid", timeout=180)
    assert child.starts == 1


@pytest.mark.parametrize("end", ["crash", "defect"])
def test_a_child_that_dies_is_replaced(child: Child, end: str) -> None:
    with pytest.raises(ChildDied):
        child.ask(end, timeout=180)
    assert child.ask("pid", timeout=180)
    assert child.starts == 2


def test_a_child_that_hangs_is_killed_and_replaced(child: Child) -> None:
    hung = child.ask("pid", timeout=180)
    with pytest.raises(ChildTimeout):
        child.ask("hang", timeout=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    assert child.ask("pid", timeout=180) != hung


def test_progress_comes_while_it_works_and_cancelling_ends_it(child: Child) -> None:
    told: list[float] = []
    with pytest.raises(Cancelled):
        child.ask("work", timeout=180, progress=told.append, cancelled=lambda: len(told) > 2)
    assert told == sorted(told)
    assert 0 < told[-1] < 0.5
    # A cancel that comes too late is no cancel of what is asked next.
    assert child.ask("pid", timeout=180)
