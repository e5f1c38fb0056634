"""PSNR against ST-LPIPS over the realism dial: a table, and a plot.

python scripts/realism_curve.py --tests ../shared/data/test -o docs/images/realism.png
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from srgan.evaluation.benchmark import enlarge
from srgan.evaluation.datasets import find, read
from srgan.evaluation.protocols import score
from srgan.inference.open import load

STEPS = (0.0, 0.25, 0.5, 0.75, 0.875, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=Path, required=True, help="folder of Set5/x4 and so on")
    parser.add_argument("--sets", default="Set5,Set14,BSD100")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    figure = Figure(figsize=(7, 4.2), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    print("| set | realism | PSNR Y | ST-LPIPS | LR consistency |\n|---|---|---|---|---|")
    for name in arguments.sets.split(","):
        curve = [measured(arguments.tests, name, step) for step in STEPS]
        for step, (psnr, perceptual, consistency) in zip(STEPS, curve, strict=True):
            print(f"| {name} | {step:g} | {psnr:.2f} | {perceptual:.4f} | {consistency:.1f} |")
        x, y = [c[0] for c in curve], [c[1] for c in curve]
        axes.plot(x, y, "o-", label=name)
        for step, px, py in zip(STEPS, x, y, strict=True):
            axes.annotate(f"{step:g}", (px, py), textcoords="offset points", xytext=(5, 4))
    axes.set_xlabel("Y-PSNR in dB (higher is nearer to the original)")
    axes.set_ylabel("ST-LPIPS (lower looks nearer to it)")
    axes.set_title("srgan upscale --realism 0 … 1")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(arguments.output)


def measured(tests: Path, name: str, realism: float) -> tuple[float, float, float]:
    """Mean Y-PSNR, ST-LPIPS and LR consistency over a test set."""
    names, rows = ("psnr_y", "stlpips", "lr_consistency"), []
    upscaler = load("srgan", realism=realism)
    for entry in find(tests, [name], scale=4):
        sample = read(entry, scale=4)
        sr = enlarge(upscaler, sample.lr)
        found = score(sr, sample.hr, sample.lr, scale=4, measures=names)
        rows.append([found[n] for n in names])
    psnr, perceptual, consistency = np.mean(rows, axis=0)
    return float(psnr), float(perceptual), float(consistency)


if __name__ == "__main__":
    main()
