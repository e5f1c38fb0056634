"""scripts/merge.py adds the mean change of fine-tuning runs to a model."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np

from srgan.weights.format import Header, load_weights, save_weights

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "merge.py"


def written(path: Path, value: float, size: int = 3, card: dict[str, object] | None = None) -> Path:
    """A weights file with one tensor of one value."""
    header = Header("srresnet", {"channels": size}, 4, (0.0, 1.0), card or {})
    save_weights(path, {"head.bias": np.full(size, value, np.float32)}, header)
    return path


def test_the_mean_change_is_added_and_named(tmp_path: Path) -> None:
    base, start = written(tmp_path / "base.st", 10.0), written(tmp_path / "start.st", 1.0)
    one = written(tmp_path / "one.st", 3.0, card={"updates": 7})
    two = written(tmp_path / "two.st", 5.0)
    out = tmp_path / "out.st"
    command = [sys.executable, str(SCRIPT), str(base), "--by", "0.5", "-o", str(out)]
    runs = ["--run", str(start), str(one), "--run", str(start), str(two)]
    subprocess.run([*command, *runs], check=True, capture_output=True)
    tensors, header = load_weights(out)
    assert tensors["head.bias"].tolist() == [11.5] * 3  # 10 + 0.5 * mean(2, 4)
    assert header.card["updates"] == 7
    merged = str(header.card["merged"])
    assert merged.startswith("base@")
    assert " + 0.25 * [(one@" in merged
    assert merged.count("start@") == 2


def test_another_network_is_refused_in_one_line(tmp_path: Path) -> None:
    base, start = written(tmp_path / "base.st", 1.0), written(tmp_path / "start.st", 1.0)
    other = written(tmp_path / "other.st", 1.0, size=4)
    out = tmp_path / "out.st"
    command = [sys.executable, str(SCRIPT), str(base), "--run", str(start), str(other)]
    done = subprocess.run([*command, "-o", str(out)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "other.st: {'channels': 4} is not the base's {'channels': 3}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


def test_a_file_from_before_direct_networks_is_of_the_same_network() -> None:
    old = Header("srresnet", {"channels": 3}, 4)
    assert old.fits(Header("srresnet", {"channels": 3, "direct": False}, 4))
    assert not old.fits(Header("srresnet", {"channels": 3, "direct": True}, 4))
    assert not old.fits(Header("srresnet", {"channels": 3}, 4, (-1.0, 1.0)))


def test_rounding_happens_once() -> None:
    add = runpy.run_path(str(SCRIPT))["add_changes"]
    small, large = np.float32([1e-4]), np.float32([1000.0])
    run = ({"w": large}, {"w": large + small})
    out = add({"w": small}, [run, run], 0.0)["w"]
    assert out.dtype == np.float32
    assert out[0] == small[0]
