"""A folder job on many machines: Ray's actors hold the model, files are their tasks.

The job itself stays :func:`srgan.inference.folder.run_folder`, in one process with one journal;
only the work on a picture goes elsewhere. All machines see the pictures under the same paths.
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from srgan.errors import Cancelled, RuntimeFailed, UsageError
from srgan.image.atomic import sweep
from srgan.inference.file import Options
from srgan.inference.folder import Process
from srgan.inference.scan import Task
from srgan.inference.stop import Stop
from srgan.inference.worker import Fault, Opening, Worker, line

LOCAL = "local"

_START_S = 300.0  # for a worker to start and open its model
_ANSWER_S = 10.0
_POLL_S = 0.1
_TIDY_S = 0.4  # for a worker that is asked to stop to come to the end of a tile
_OBJECT_STORE_BYTES = 80_000_000  # Ray's least: paths and lines go through it, pictures never


@contextmanager
def cluster(
    address: str,
    opening: Opening,
    options: Options,
    *,
    workers: int | None = None,
    stop: Stop | None = None,
) -> Iterator[tuple[Process, int]]:
    """Workers on a Ray cluster; gives the process and the number of workers that
    :func:`srgan.inference.folder.run_folder` takes.

    A file whose worker dies is tried once more on a new one. On leaving, and when this process
    dies in whatever way, the workers end. What Ray prints goes to stderr, as all that is printed
    to ``sys.stdout`` meanwhile.

    Args:
        address: HOST:PORT of a running cluster, ``"auto"`` to find it, or ``"local"`` for one on
            this machine that ends with the job.
        opening: of the model.
        options: of each picture.
        workers: pictures under way at the same time; by default one a machine.
        stop: learns what must not be left running when a signal ends this process at once.

    Raises:
        UsageError: Ray is not installed, or the address is none.
        RuntimeFailed: no cluster answers, or no worker can start or open the model.
    """
    ray = _ray(address)
    if stop is not None and address == LOCAL:
        stop.before_end.append(_kill_descendants)
    with redirect_stdout(sys.stderr), _connected(ray, address, workers):
        crew = _Crew(ray, opening, options, workers)
        if stop is not None:
            stop.before_end.append(crew.sweep)
        try:
            crew.start()
            yield crew.process, crew.size
        finally:
            crew.end()
    if stop is not None:
        stop.before_end.clear()


def _ray(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL and "ray" not in sys.modules:  # it reads these when it is imported
        # It listens on all interfaces and runs what it is sent: only from who knows this.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        return import_module("ray")
    except ImportError as error:
        raise UsageError('--ray needs Ray: pip install "srgan[cluster]"') from error


@contextmanager
def _connected(ray: Any, address: str, workers: int | None) -> Iterator[None]:
    _check_address(address)
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": False}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address == LOCAL:
            ray.init(
                address="local",
                num_cpus=max(os.cpu_count() or 1, workers or 1),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                **quiet,
            )
        else:
            ray.init(address=address, **quiet)
    except Exception as error:
        raise RuntimeFailed(f"no Ray cluster at {address}: {line(error)}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray has put its own in its place
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Find out within seconds that nobody listens there; Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in (LOCAL, "auto"):
        return
    if not (host and port.isdigit() and int(port) < 2**16):
        raise UsageError(f"--ray wants HOST:PORT, auto or local, not {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise RuntimeFailed(f"no Ray cluster at {address}: {error.strerror or error}") from error


class _Died(Exception):
    """The worker is gone, with whatever it was doing."""


class _Crew:
    """The workers of one job, each used by one thread at a time."""

    def __init__(self, ray: Any, opening: Opening, options: Options, workers: int | None) -> None:
        self._ray, self._options = ray, options
        nodes = [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]
        nodes = [node for node in nodes if node] or [1.0]  # some clusters' heads do no work
        self.size = workers or len(nodes)
        share = min(sum(nodes) / self.size, *nodes)
        processors = float(int(share)) if share >= 1 else share
        self._opening = replace(opening, threads=opening.threads or max(1, int(processors)))
        self._actor = ray.remote(
            num_cpus=processors, num_gpus=int(opening.gpu), max_restarts=0, max_concurrency=2
        )(Worker)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._all: list[Any] = []
        self._touched: set[Path] = set()

    def start(self) -> None:
        """Start the workers; go on with those that come, if any does."""
        workers = [self._hire() for _ in range(self.size)]
        opened = {worker.open.remote(): worker for worker in workers}
        ready, late = self._ray.wait(
            list(opened), num_returns=len(opened), timeout=_START_S, fetch_local=False
        )
        reason = f"none has started within {_START_S:.0f} s; has the cluster free processors?"
        for call in ready:
            try:
                wrong = self._ray.get(call)
            except Exception as error:
                wrong = f"{line(error)}; is the same srgan installed on every machine?"
            if wrong:
                reason = wrong
            else:
                self._idle.put(opened[call])
        for call in late:
            self._ray.kill(opened[call])
        self.size = self._idle.qsize()
        if self.size == 0:
            raise RuntimeFailed(f"no worker of the cluster can be used: {reason}")

    def process(self, task: Task, again: bool, asked: Callable[[], bool]) -> tuple[str, ...]:
        """Make one output on a worker; what :func:`srgan.inference.folder.run_folder` calls."""
        there = replace(task, input=task.input.absolute(), output=task.output.absolute())
        self._touched.add(task.output.parent)
        worker = self._idle.get()
        try:
            try:
                answer = self._ask(worker, worker.make.remote(there, again), asked)
            except _Died:
                worker = self._successor(worker, asked)
                sweep(task.output.parent)
                # What stands under the name now, the dead worker has just made.
                answer = self._ask(worker, worker.make.remote(there, True), asked)
        except _Died as error:
            worker = self._successor(worker, asked)
            sweep(task.output.parent)
            raise RuntimeFailed(
                "its worker died twice; if it lacked memory, --tile or fewer --workers need less"
            ) from error
        finally:
            self._idle.put(worker)
        if isinstance(answer, Fault):
            raise answer.error from answer.cause
        assert isinstance(answer, tuple)
        return answer

    def _hire(self) -> Any:
        worker = self._actor.remote(self._opening, self._options)
        self._all.append(worker)
        return worker

    def _successor(self, dead: Any, asked: Callable[[], bool]) -> Any:
        # Not Ray's own restart: that answers calls with errors for a while.
        with suppress(Exception):
            self._ray.kill(dead)  # in case that only the way to it was broken
        worker = self._hire()
        try:
            wrong = self._ask(worker, worker.open.remote(), asked, _START_S)
        except _Died as error:
            wrong = str(error)
        if wrong:
            raise RuntimeFailed(f"a worker died and no other could take its place: {wrong}")
        return worker

    def _ask(
        self, worker: Any, call: Any, asked: Callable[[], bool], limit_s: float | None = None
    ) -> Any:
        end = None if limit_s is None else time.monotonic() + limit_s
        while not self._ray.wait([call], timeout=_POLL_S)[0]:
            if asked():
                worker.stop.remote()
                self._ray.wait([call], timeout=_TIDY_S)
                raise Cancelled("cancelled")
            if end is not None and time.monotonic() > end:
                raise RuntimeFailed(f"a worker has not started within {limit_s:.0f} s")
        try:
            return self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            raise _Died(line(error)) from error

    def end(self) -> None:
        """End the workers and remove what they were writing."""
        for worker in self._all:
            with suppress(Exception):
                self._ray.kill(worker)
        self.sweep()

    def sweep(self) -> None:
        """Remove what dead workers were writing; their files are free to go a moment later."""
        for _ in range(5):
            for folder in self._touched:
                sweep(folder)
            time.sleep(_POLL_S / 4)


def _kill_descendants() -> None:
    """End what this process has started, its children's children as well; only on Linux.

    Elsewhere a helper of Ray's watches this process, and does the same somewhat later.
    """
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    descendants = list(children.get(os.getpid(), ()))
    for pid in descendants:
        descendants += children.get(pid, ())
    for pid in descendants:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
