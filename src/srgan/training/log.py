"""What a run says: ``log.jsonl``, TensorBoard, a progress bar, a plot at its end."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image.atomic import atomic_file


def log_line(out: Path, entry: dict[str, Any]) -> None:
    """Append one JSON line to the run's log."""
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


def read_log(out: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's log."""
    path = out / "log.jsonl"
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue  # cut off when the run was killed
    return rows


def drop_lines_beyond(out: Path, update: int) -> None:
    """Take lines out of a run's log that belong to updates that are done again."""
    kept = [row for row in read_log(out) if row.get("update", 0) <= update]
    with atomic_file(out / "log.jsonl", overwrite=True) as file:
        file.write("".join(json.dumps(row) + "\n" for row in kept).encode())


class RunLog:
    """One run's voice.

    Args:
        out: the run's folder.
        first, last: the updates between which this process trains.
        every: updates between two lines.
        quiet: say and write nothing (a process that is not the first).
    """

    def __init__(self, out: Path, *, first: int, last: int, every: int, quiet: bool) -> None:
        self.out, self.first, self.last, self.every, self.quiet = out, first, last, every, quiet
        self.begun = time.monotonic()
        self.means: dict[str, float] = {}
        self.board: Any = None
        self.bar: Any = None
        if quiet:
            return
        drop_lines_beyond(out, first)
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(out / "tensorboard"), purge_step=first + 1)
        except ImportError:
            self.board = None
        if sys.stderr.isatty():
            self.bar, self.task = _bar(first, last)

    def losses(self, update: int, losses: dict[str, float]) -> None:
        """Note the losses of an update; every so often they become a line."""
        for name, value in losses.items():
            self.means[name] = 0.95 * self.means.get(name, value) + 0.05 * value
        if self.quiet:
            return
        rate = (update - self.first) / (time.monotonic() - self.begun)
        if self.bar is not None:
            said = " ".join(f"{name} {value:.4g}" for name, value in self.means.items())
            self.bar.update(self.task, completed=update, losses=said, rate=f"{rate:.2f} it/s")
        if update % self.every == 0 or update == self.last:
            entry = {name: round(value, 6) for name, value in self.means.items()}
            log_line(self.out, {"update": update, **entry, "rate": round(rate, 3)})
            for name, value in entry.items():
                self._scalar(f"loss/{name}", value, update)
            self._scalar("rate", rate, update)

    def scores(self, update: int, scores: dict[str, float], pictures: list[Any]) -> None:
        """Note a validation: its figures, and sample pictures (H, W, 3) uint8."""
        if self.quiet:
            return
        log_line(self.out, {"update": update, **scores})
        for name, value in scores.items():
            self._scalar(f"validation/{name}", value, update)
        if pictures:
            from PIL import Image

            strip: NDArray[np.uint8] = np.concatenate(pictures, axis=1)
            folder = self.out / "samples"
            folder.mkdir(exist_ok=True)
            Image.fromarray(strip).save(folder / f"{update:07d}.png")
            if self.board is not None:
                self.board.add_image("sample", strip, update, dataformats="HWC")

    def close(self) -> None:
        """End the bar and draw the run."""
        if self.bar is not None:
            self.bar.stop()
        if self.board is not None:
            self.board.close()
        if not self.quiet:
            plot(self.out)

    def _scalar(self, name: str, value: float, update: int) -> None:
        if self.board is not None:
            self.board.add_scalar(name, value, update)


def plot(out: Path) -> Path | None:
    """Draw the run's log as ``run.png``: a panel for each loss and score."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    rows = read_log(out)
    names = sorted({name for row in rows for name in row} - {"update", "rate"})
    if not names:
        return None
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(4.5 * columns, 2.8 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for i, name in enumerate(names):
        axes = figure.add_subplot(lines, columns, i + 1)
        points = [(row["update"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else "")
        axes.set_title(name.replace("_", " "))
        axes.set_xlabel("update")
        axes.grid(alpha=0.3)
    path = out / "run.png"
    figure.savefig(path, dpi=100)
    return path


def _bar(first: int, last: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=Console(stderr=True),
    )
    bar.start()
    return bar, bar.add_task("", total=last, completed=first, rate="", losses="")
