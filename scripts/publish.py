"""Make a published weights file of a training run: measure it, and write its card.

    python scripts/publish.py runs/srresnet/generator.safetensors srresnet \\
        --tests ../shared/data/test --photos ../shared/data/train

Writes src/srgan/weights/files/NAME.safetensors. What a user must know of the model (figures on the
test sets in every protocol, tile margin, precisions) goes into the file's header, from where
`srgan models` and docs/models.md (scripts/model_cards.py) take it.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from srgan.evaluation.benchmark import enlarge
from srgan.evaluation.cost import parameters_of
from srgan.evaluation.datasets import find, read
from srgan.evaluation.protocols import FROM_FILES, score
from srgan.export.check import check, record
from srgan.image.files import read_picture
from srgan.inference.open import load
from srgan.weights.format import load_weights, save_weights

FILES = Path(__file__).resolve().parents[1] / "src" / "srgan" / "weights" / "files"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("name")
    parser.add_argument("--tests", type=Path, required=True, help="folder of Set5/x4 and so on")
    parser.add_argument("--photos", type=Path, required=True, help="photos for the check")
    parser.add_argument("--sets", default="Set5,Set14,BSD100")
    parser.add_argument("--note", action="append", default=[], metavar="KEY=TEXT")
    arguments = parser.parse_args()

    tensors, header = load_weights(arguments.weights)
    target = FILES / f"{arguments.name}.safetensors"
    notes = dict(note.split("=", 1) for note in arguments.note)
    card = {
        **header.card,
        **notes,
        "name": arguments.name,
        "parameters": parameters_of(tensors),
    }
    if str(card.get("recipe", "")).startswith("{"):
        card["recipe"] = json.dumps(without_folders(json.loads(card["recipe"])))
    FILES.mkdir(exist_ok=True)
    save_weights(target, tensors, replace(header, card=card))

    photos = [
        read_picture(p).frames[0].colour for p in sorted(arguments.photos.glob("*.jpg"))[::23]
    ]
    set5 = find(arguments.tests, ["Set5"], scale=header.scale)
    references = [read(entry, scale=header.scale).hr for entry in set5]
    found = check(target, photos=photos, references=references)
    record(target, found)

    figures: dict[str, dict[str, float]] = {}
    upscaler = load(target)
    for name in arguments.sets.split(","):
        start, rows = time.monotonic(), []
        for entry in find(arguments.tests, [name], scale=header.scale):
            sample = read(entry, scale=header.scale)
            sr = enlarge(upscaler, sample.lr)
            rows.append(score(sr, sample.hr, sample.lr, scale=header.scale, measures=FROM_FILES))
        figures[name] = {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]}
        print(name, len(rows), "pictures", f"{time.monotonic() - start:.0f} s", figures[name])
    tensors, header = load_weights(target)
    save_weights(target, tensors, replace(header, card={**header.card, "figures": figures}))
    print(target, f"{target.stat().st_size / 1e6:.2f} MB", found.tile_margin, found.precisions)


def without_folders(value: Any) -> Any:
    """The recipe with file names instead of paths, which mean nothing elsewhere."""
    if isinstance(value, dict):
        return {key: without_folders(inner) for key, inner in value.items()}
    return Path(value).name if isinstance(value, str) and "/" in value else value


if __name__ == "__main__":
    main()
