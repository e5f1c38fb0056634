"""A weights file at a place of the realism dial, for programs that read safetensors."""

from dataclasses import replace
from pathlib import Path

from srgan.image.atomic import refuse_existing
from srgan.inference.open import read_model
from srgan.weights.format import save_weights


def export_weights(
    name_or_path: str | Path,
    out: str | Path,
    *,
    realism: float | None = None,
    overwrite: bool = False,
) -> None:
    """Write a network's tensors under their flat names, as srgan and spandrel read them.

    Args:
        name_or_path: a name that ``srgan.models()`` lists, or a weights file.
        out: the file to write.
        realism: as for :func:`srgan.inference.open.read_model`.
        overwrite: whether an existing file may be replaced.

    Raises:
        ModelRefused: the weights cannot be used.
        UsageError: the model has no realism dial.
        OutputFailed: the file exists or cannot be written.
    """
    tensors, header = read_model(name_or_path, realism)
    refuse_existing(out, overwrite=overwrite)
    if realism is not None:
        # The figures and ranges of the card are those of the model that the dial begins at.
        kept = ("tile_margin", "precisions")
        facts = {key: header.card[key] for key in kept if key in header.card}
        header = replace(header, card={**facts, "blend": str(name_or_path), "realism": realism})
    save_weights(out, tensors, header)
