"""Decoding in a child process, whose time and memory are limited; one picture at a time."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from srgan.errors import SRGANError
from srgan.server.child import Child, ChildDied, ChildTimeout
from srgan.server.decoder import Convert, Decode, Decoder, Look
from srgan.server.limits import MIB, ServerLimits
from srgan.server.problems import Problem, problem_of

# Decoding under load takes longer by the clock than by the processor.
_WALL_PER_CPU = 4


class Decoding:
    """The child that decodes, and the thread that waits for it."""

    def __init__(self, limits: ServerLimits) -> None:
        self.child = Child(
            "srgan-decoder",
            Decoder(limits.picture, limits.decode_seconds, limits.decode_memory_mb * MIB),
        )
        self._seconds = limits.decode_seconds * _WALL_PER_CPU
        self._thread = ThreadPoolExecutor(1, "decoder")

    async def start(self) -> None:
        """Start the child."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.child.start)

    def kill(self) -> None:
        """End the child, whatever it does."""
        with contextlib.suppress(OSError, ValueError):
            self.child.kill()

    def close(self) -> None:
        """Wait for the thread, after :meth:`kill`."""
        self._thread.shutdown(wait=True)

    async def ask(self, question: Look | Decode | Convert, *, factor: int = 1) -> Any:
        """The child's answer.

        Args:
            factor: how much more time than for an upload it may take.

        Raises:
            Problem: it is no picture, too large, or takes more than is granted.
        """
        wall = self._seconds * factor
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: self.child.ask(question, timeout=wall)
            )
        except SRGANError as error:
            raise problem_of(error, question.source.parent) from error
        except ChildTimeout:
            raise Problem("image_refused", "decoding it takes too long") from None
        except ChildDied:
            raise Problem(
                "image_refused", "decoding it takes more time or memory than is granted"
            ) from None
