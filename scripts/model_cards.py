"""Write docs/models.md from the weights files' own headers: ``python scripts/model_cards.py``."""

import json
from pathlib import Path
from typing import Any

from srgan.errors import ModelRefused
from srgan.evaluation.protocols import MEASURES
from srgan.weights.catalog import NETWORKS, weights_file
from srgan.weights.format import read_header

TARGET = Path(__file__).resolve().parents[1] / "docs" / "models.md"

INTRODUCTION = """# Models

Written by `python scripts/model_cards.py` from the headers of the weights files, where
`scripts/publish.py` put what it measured. All weights come from the recipes of this repository and
`srgan train`; all are safetensors, and reading one runs no code. Licence: Apache-2.0.

The photos to train with are about 400 clean photographs (547 crops, 224 megapixels), CC0,
CC BY (-SA) 4.0 and Unsplash, from these collections: CID22 (Cloudinary), CLIC 2025, gb82, and the
background pictures of Budgie, Cutefish, deepin, elementary, Lomiri, Pop!_OS, Solus, Ubuntu MATE,
AOSC and Oceanic, with thanks to their authors. No test picture is among them.

**What all of them are bad at**: faces of a few pixels and small text, where they draw plausible
strokes instead of the true ones. Do not use their output as evidence, for diagnosis, or to
recognise people. All but `srgan-photo`, `srresnet-photo` and `fast-photo` know pictures that were
shrunk cleanly: noise, blur and JPEG blocks are enlarged with the rest. The rims of photos that were
sharpened are thickened by all but `srresnet-photo`.

`ne-lle`, `ne-nnls`, `ne-ls`, `gr` and `anr` have no file of their own: they work from the
dictionaries of `zeyde`. What they and the filters do, and their figures:
[benchmark.md](benchmark.md#the-methods-before-networks).
"""


def cards() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for model in NETWORKS:
        try:
            header = read_header(weights_file(model.name))
        except ModelRefused:  # not shipped in this version
            continue
        parts.append(card(model.name, model.summary, header.arguments, header.card))
    return "\n".join(parts)


def card(name: str, summary: str, arguments: dict[str, Any], facts: dict[str, Any]) -> str:
    """One model's section."""
    lines = [f"## `{name}`\n", summary[0].upper() + summary[1:].rstrip(".") + ".\n"]
    rows = [
        ("network", ", ".join(f"{k} {v}" for k, v in arguments.items())),
        ("parameters", f"{facts.get('parameters', 0):,}"),
    ]
    if not str(facts.get("recipe", "{")).startswith("{"):
        rows.append(("recipe file", str(facts["recipe"])))
    for key in (
        "recipe_file",
        "started_from",
        "merged",
        "realism",
        "updates",
        "commit",
        "device",
        "time",
        "features",
    ):
        if facts.get(key):
            rows.append((key.replace("_", " "), str(facts[key])))
    if "tile_margin" in facts:
        rows.append(("tile margin", f"{facts['tile_margin']} pixels"))
    for precision, figures in facts.get("precision_figures", {}).items():
        verdict = "yes" if precision in facts.get("precisions", ()) else "no"
        text = (
            f"{verdict}: {figures['changed']:.3%} of 8-bit samples change by more than one level, "
            f"{figures['likeness_db']:.1f} dB against fp32, costs {figures['cost_db']:.4f} dB"
        )
        rows.append((precision, text))
    lines += ["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows), ""]
    figures = facts.get("figures", {})
    if figures:
        names = [m for m in MEASURES if m in next(iter(figures.values()))]
        lines.append("| set | " + " | ".join(MEASURES[m].title for m in names) + " |")
        lines.append("|---" * (len(names) + 1) + "|")
        for name_of_set, row in figures.items():
            values = [f"{row[m]:.{MEASURES[m].digits}f}" for m in names]
            lines.append(f"| {name_of_set} | " + " | ".join(values) + " |")
        lines.append("")
    recipe = str(facts.get("recipe", ""))
    if recipe.startswith("{"):
        shown = json.loads(recipe)
        lines += ["<details><summary>the recipe as it ran</summary>\n", "```json"]
        lines += [json.dumps(shown, indent=1), "```\n", "</details>\n"]
    return "\n".join(lines)


if __name__ == "__main__":
    TARGET.write_text(cards(), encoding="utf-8")
