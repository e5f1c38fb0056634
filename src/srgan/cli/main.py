"""``srgan``: the command line's entry."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from srgan.errors import SRGANError, UsageError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """Photo-realistic single-image super-resolution."""


@app.command()
def train(
    recipe: Path,
    data: Annotated[Path, typer.Option(help="a pack made by `srgan data prepare`")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    device: str = "cpu",
    resume: bool = False,
) -> None:
    """Train a network by a recipe."""
    from srgan.training.config import PretrainConfig, load_recipe
    from srgan.training.gan import train_gan
    from srgan.training.pretrain import pretrain

    config = load_recipe(recipe, set_ or [])
    if isinstance(config, PretrainConfig):
        pretrain(config, data=data, out=out, device=device, resume=resume)
    else:
        train_gan(config, data=data, out=out, device=device, resume=resume)


def main() -> None:
    """Run the command line; an error is one line on stderr and an exit status."""
    try:
        app()
    except UsageError as error:
        print(f"srgan: {error}", file=sys.stderr)
        sys.exit(2)
    except SRGANError as error:
        print(f"srgan: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
