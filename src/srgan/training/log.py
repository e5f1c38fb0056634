"""What a run says: ``log.jsonl``, TensorBoard, a progress bar."""

import json
from pathlib import Path
from typing import Any


def log_line(out: Path, entry: dict[str, Any]) -> None:
    """Append one JSON line to the run's log."""
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
