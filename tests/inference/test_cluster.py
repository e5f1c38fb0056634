"""A folder job through Ray: two real workers on this machine, killed and interrupted."""

import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import srgan
from inference.cluster_job import DIES_ONCE, DIES_TWICE, TAKES_AN_HOUR
from srgan.classical.interpolation import Interpolation
from srgan.errors import ImageRefused, RuntimeFailed, UsageError
from srgan.image.files import read_picture, write_picture
from srgan.image.picture import Frame, Picture
from srgan.inference.cluster import LOCAL, cluster
from srgan.inference.file import Options
from srgan.inference.journal import JOURNAL
from srgan.inference.scan import Task
from srgan.inference.worker import Fault, Opening, Worker

SCRIPT = Path(__file__).parent / "cluster_job.py"
TWICE = Options(scale=2)
PATIENCE_S = 240.0  # Ray takes seconds to start; a loaded machine, a minute

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or sys.platform != "linux",
    reason="needs Linux and the extra cluster, which CI leaves out: Ray takes 240 MB and its time",
)


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    opening = Opening(lambda threads: pytest.fail("opened"), "", str)
    with (
        pytest.raises(UsageError, match=r'pip install "srgan\[cluster\]"'),
        cluster(LOCAL, opening, Options()),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "error", "reason"),
    [
        ("nowhere", UsageError, "HOST:PORT"),
        ("host:port", UsageError, "HOST:PORT"),
        ("127.0.0.1:1", RuntimeFailed, "no Ray cluster at"),
    ],
)
def test_an_address_where_nobody_answers(
    address: str, error: type[Exception], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    opening = Opening(lambda threads: pytest.fail("opened"), "", str)
    with pytest.raises(error, match=reason), cluster(address, opening, Options()):
        pass


def picture(folder: Path, level: int) -> None:
    colour = np.full((4, 4, 3), level, np.uint8)
    path = folder / f"in/{level:03d}.png"
    write_picture(Picture((Frame(colour),)), path, overwrite=True)


def start(folder: Path, what: str) -> subprocess.Popen[str]:
    source = str(Path(srgan.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        start_new_session=True,
    )


def session(leader: int) -> list[str]:
    """The programs of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(fields.split()[3]) == leader and fields.split()[0] != "Z":
            found.append(name)
    return found


def ended(job: subprocess.Popen[str]) -> tuple[str, str]:
    """What a job printed; nothing that it started is left running."""
    try:
        out, errors = job.communicate(timeout=PATIENCE_S)
        end = time.monotonic() + PATIENCE_S
        while session(job.pid) and time.monotonic() < end:
            time.sleep(0.05)
        assert session(job.pid) == []
    finally:
        job.kill()
        for _ in session(job.pid):
            os.killpg(job.pid, signal.SIGKILL)
            break
    assert "Traceback" not in errors
    return out, errors


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE_S)
def test_workers_that_die_cost_a_second_try_and_no_more(tmp_path: Path) -> None:
    levels = [10, 20, 30, 40, DIES_ONCE, 60, DIES_TWICE, 110]
    for level in levels:
        picture(tmp_path, level)
    (tmp_path / "in/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    out, errors = ended(start(tmp_path, "faults"))
    assert [line for line in errors.splitlines() if line.endswith(" by 2")] == [
        "7 done, 0 skipped, 1 refused, 1 failed by 2",
        "1 done, 7 skipped, 1 refused, 0 failed by 2",  # the third try of the deadly one
    ]
    events = [json.loads(line) for line in out.splitlines()]
    failed = next(e for e in events if e["status"] == "failed")
    assert Path(failed["input"]).stem == f"{DIES_TWICE}"
    assert failed["reason"].startswith("its worker died twice")
    begun = (tmp_path / "begun").read_text().split()
    times = {level: begun.count(str(level)) for level in levels}
    assert times == {**dict.fromkeys(levels, 1), DIES_ONCE: 2, DIES_TWICE: 3}
    for level in levels:
        colour = read_picture(tmp_path / f"out/{level:03d}.png").frames[0].colour
        assert colour.shape == (8, 8, 3)
        assert (colour == level).all()
    left = {p.name for p in (tmp_path / "out").iterdir() if p.suffix != ".png"}
    assert left == {JOURNAL}


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE_S)
def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    for level in (10, TAKES_AN_HOUR, TAKES_AN_HOUR + 1):
        picture(tmp_path, level)
    job = start(tmp_path, "stop")
    end = time.monotonic() + PATIENCE_S
    while job.poll() is None and time.monotonic() < end:
        log = tmp_path / "begun"
        if log.exists() and str(TAKES_AN_HOUR) in log.read_text().split():
            break
        time.sleep(0.05)
    os.killpg(job.pid, signal.SIGINT)  # as a terminal sends it: to all of them
    ended(job)
    assert job.returncode == 130
    assert not list((tmp_path / "out").glob("*.part"))
    assert not (tmp_path / f"out/{TAKES_AN_HOUR}.png").exists()


def test_a_worker_gives_errors_back_with_what_caused_them(tmp_path: Path) -> None:
    picture(tmp_path, 10)
    worker = Worker(Opening(lambda threads: Interpolation("nearest", 2), "a", lambda: "a"), TWICE)
    assert worker.open() == ""
    task = Task(tmp_path / "in/010.png", tmp_path / "out/010.png", "PNG", "010.png")
    assert worker.make(task, again=False) == ()
    there = worker.make(task, again=False)
    assert isinstance(there, Fault)
    assert "exists already" in str(there.error)
    task.input.write_bytes(b"nothing")
    bad = worker.make(task, again=True)
    assert isinstance(bad, Fault)
    assert isinstance(bad.error, ImageRefused)
    assert not str(bad.error).startswith(str(task.input))
    (tmp_path / "file").touch()
    picture(tmp_path, 10)
    full = worker.make(replace(task, output=tmp_path / "file/010.png"), again=True)
    assert isinstance(full, Fault)
    assert full.cause is not None
    assert full.cause.errno == errno.ENOTDIR


def test_a_worker_with_another_model_is_not_used() -> None:
    opening = Opening(lambda threads: pytest.fail("opened"), "this", lambda: "that")
    assert "another model by this name" in Worker(opening, TWICE).open()
