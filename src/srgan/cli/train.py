"""``srgan train``: train a network by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def train(
    recipe: Annotated[Path, Argument(help="A recipe, such as recipes/srresnet.toml.")],
    data: Annotated[
        list[Path], Option(help="Folders of photos, or packs made by `srgan data prepare`.")
    ],
    out: Annotated[Path, Option(help="Folder of the run.")],
    set_: Annotated[
        list[str] | None, Option("--set", help="Change the recipe: section.key=value.")
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    resume: Annotated[bool, Option("--resume", help="Go on from the run's checkpoint.")] = False,
) -> None:
    """Train a network by a recipe; `torchrun` starts it on several GPUs."""
    from srgan.training.config import GanConfig, LumaConfig, load_recipe
    from srgan.training.gan import train_gan
    from srgan.training.luma import train_luma
    from srgan.training.pretrain import pretrain

    config = load_recipe(recipe, set_ or [])
    pack = data[0]
    device = "cpu" if device == "auto" else device
    if isinstance(config, LumaConfig):
        train_luma(config, data=pack, out=out, device=device, resume=resume)
    elif isinstance(config, GanConfig):
        train_gan(config, data=pack, out=out, device=device, resume=resume)
    else:
        pretrain(config, data=pack, out=out, device=device, resume=resume)
