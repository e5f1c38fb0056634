"""Add what fine-tuning runs changed, on average, to a model: `base + by * mean(end - start)`.

    python scripts/merge.py srresnet.safetensors --run start.safetensors end1.safetensors \\
        --run start.safetensors end2.safetensors --by 0.875 -o srgan.safetensors

The mean of runs is less noisy than each ("model soups", Wortsman et al. 2022), their change can be
put on a base that was trained on meanwhile ("task arithmetic", Ilharco et al. 2023), and `--by`
below 1 is network interpolation towards the base (Wang et al. 2018). The card is that of the first
run's end, and names every part with the start of its sha256.
"""

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from srgan.weights.format import Header, Tensors, load_weights, save_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path, help="the model to add to")
    parser.add_argument("--run", type=Path, nargs=2, action="append", required=True)
    parser.add_argument("--by", type=float, default=1.0, help="how much of the mean change")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    base, header = load_weights(arguments.base)
    runs = []
    for start, end in arguments.run:
        if start == end:
            raise SystemExit(f"{start}: a run's start and end are the same file; name both")
        runs.append((matched(start, base, header), matched(end, base, header)))
    first = load_weights(arguments.run[0][1])[1]
    parts = " + ".join(f"({named(end)} - {named(start)})" for start, end in arguments.run)
    formula = f"{named(arguments.base)} + {arguments.by / len(runs):g} * [{parts}]"
    merged = add_changes(base, runs, arguments.by)
    save_weights(arguments.output, merged, replace(first, card={**first.card, "merged": formula}))
    print(arguments.output, "=", formula)


def matched(path: Path, base: Tensors, header: Header) -> Tensors:
    """The file's tensors, if they are of the base's network."""
    tensors, other = load_weights(path)
    if not other.fits(header):
        raise SystemExit(f"{path}: {other.arguments} is not the base's {header.arguments}")
    for name, tensor in base.items():
        if tensors[name].shape != tensor.shape:
            raise SystemExit(f"{path}: {name} is {tensors[name].shape}, not {tensor.shape}")
    return tensors


def add_changes(base: Tensors, runs: list[tuple[Tensors, Tensors]], by: float) -> Tensors:
    """The tensors ``base + by * mean(end - start)``, in float64 until the end."""
    out = {}
    for name, tensor in base.items():
        changes = [end[name].astype(np.float64) - start[name] for start, end in runs]
        out[name] = (tensor + by * np.mean(changes, axis=0)).astype(tensor.dtype)
    return out


def named(path: Path) -> str:
    """The file's stem and the first eight digits of its sha256."""
    return f"{path.stem}@{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


if __name__ == "__main__":
    main()
