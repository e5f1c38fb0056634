"""One picture's way through the server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from srgan.image.limits import area
from srgan.server.lane import Choice, Task
from srgan.server.problems import Problem

if TYPE_CHECKING:
    from srgan.image.decode import Info

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})


@dataclass(slots=True)
class Job:
    """One picture's way through the server.

    ``folder`` holds the upload and the result. Times are of the monotonic clock: jobs end with
    their process, and who sets the clock drops no result. It is ``owed`` while the request that
    brought it waits to be answered with its result.
    """

    id: str
    folder: Path
    client: str
    name: str
    choice: Choice
    task: Task
    source: Info
    state: State = "queued"
    progress: float = 0.0
    started: float | None = None
    ended: float | None = None
    expires: float | None = None
    owed: bool = False
    notices: tuple[str, ...] = ()
    problem: Problem | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    converting: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    @property
    def ended_at_all(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def cost(self) -> int:
        """Input pixels of all frames."""
        return self.source.pixels

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(height, width) of each frame of the result."""
        from srgan.image.fit import sizes_held
        from srgan.image.formats import format_for
        from srgan.inference.upscale import like_first

        first, target = (self.source.height, self.source.width), (self.task.height, self.task.width)
        held = sizes_held(self.source.sizes, format_for(self.task.format))
        return [like_first(size, first, target) for size in held]

    @property
    def work(self) -> int:
        """Result pixels of all frames."""
        return area(self.sizes)

    def tell(self) -> None:
        """Wake everyone who waits for news of this job."""
        self.changed.set()
        self.changed = asyncio.Event()
