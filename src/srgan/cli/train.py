"""``srgan train``: train a network by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def train(
    recipe: Annotated[Path, Argument(help="A recipe, such as recipes/srresnet.toml.")],
    data: Annotated[
        list[Path], Option(help="A folder of photos, or a pack made by `srgan data prepare`.")
    ],
    out: Annotated[Path, Option(help="Folder of the run.")],
    set_: Annotated[
        list[str] | None, Option("--set", help="Change the recipe: section.key=value.")
    ] = None,
    device: Annotated[str, Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    resume: Annotated[bool, Option("--resume", help="Go on from the run's checkpoint.")] = False,
) -> None:
    """Train a network by a recipe; `torchrun -m srgan.cli.main train …` does it on several GPUs."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        from srgan.errors import UsageError

        raise UsageError('training needs PyTorch: pip install "srgan[train]"') from error
    from srgan.training.config import GanConfig, LumaConfig, load_recipe
    from srgan.training.distributed import starts_first
    from srgan.training.gan import train_gan
    from srgan.training.luma import train_luma
    from srgan.training.pretrain import pretrain

    config = load_recipe(recipe, set_ or [])
    if isinstance(config, LumaConfig):
        weights = train_luma(config, data=data, out=out, device=device, resume=resume)
    elif isinstance(config, GanConfig):
        weights = train_gan(config, data=data, out=out, device=device, resume=resume)
    else:
        weights = pretrain(config, data=data, out=out, device=device, resume=resume)
    if starts_first():  # the other processes wrote nothing
        print(weights)
