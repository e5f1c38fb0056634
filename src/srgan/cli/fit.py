"""``srgan fit``: learn what no gradient descent is needed for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from srgan.image.limits import Limits


def fit(
    method: Annotated[
        str,
        typer.Argument(
            help="One of freeman, scsr, kim-kwon, zeyde, asds, zou-yuen, ne-lle, ne-nnls, ne-ls, "
            "gr, anr, landmark, aplus, forest, jor and niqe."
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            help="Folder of training pictures, such as T91; for landmark, photos of the place; for "
            "zou-yuen, a sub-folder for each person."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    scale: Annotated[int, typer.Option(help="Factor of an upscaling method.")] = 4,
    atoms: Annotated[int, typer.Option(help="Size of the dictionary.")] = 1024,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Patches that freeman, kim-kwon, asds, aplus, forest and jor learn from, at most. "
            "Default: 2000000; 200000 for kim-kwon and asds, and for freeman and jor, whose files "
            "hold them, 300 and 250 bytes each."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 0,
    discriminative: Annotated[
        float,
        typer.Option(
            help="For zou-yuen: how much it counts that persons can be told apart. At 0 results "
            "are as near to the originals as can be."
        ),
    ] = 0.0,
    max_input_mp: Annotated[
        float, typer.Option("--max-input-mp", help="Leave out larger pictures, in megapixels.")
    ] = 64.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that exists.")
    ] = False,
) -> None:
    """Fit a method without a network, or NIQE's idea of a clean photo, on a folder of pictures.

    Minutes, not hours. An upscaling method becomes a weights file that `upscale --model FILE` and
    `benchmark --methods FILE` take.
    """
    from srgan.cli.progress import progress_bar
    from srgan.errors import UsageError
    from srgan.image.limits import Limits

    limits = Limits.in_megapixels(max_input_mp, output_mp=1.0)
    if output.exists() and not overwrite:
        raise UsageError(f"{output}: exists already; say --overwrite or another --output")
    if not data.is_dir():
        raise UsageError(f"{data}: there is no such folder; name one with pictures")
    if method == "niqe":
        from srgan.metrics import niqe

        niqe.save(niqe.fit(colour for _, colour in _pictures(data, limits)), output)
        return

    from srgan.classical.methods import METHODS, Options, pack
    from srgan.weights.format import save_weights
    from srgan.words import counted

    if method not in METHODS:
        raise UsageError(f"method {method!r} is unknown; choose one of {', '.join(METHODS)}, niqe")
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: a weights file's name ends in .safetensors")
    for option, count, least in (("samples", samples, 1), ("atoms", atoms, 1), ("seed", seed, 0)):
        if count is not None and count < least:
            raise UsageError(f"--{option} must be at least {least}, not {count}")
    if scale not in (2, 3, 4):
        raise UsageError(f"--scale must be 2, 3 or 4, not {scale}")

    classes, images = zip(*_pictures(data, limits), strict=True)
    options = Options(scale, atoms, samples, seed, discriminative, classes)
    with progress_bar(method, show=True) as bar:
        learned = METHODS[method].fit(images, options, bar or (lambda done: None))
    card = {
        "name": method,
        "data": f"{counted(len(images), 'picture')} of {data.name}",
        "recipe": f"srgan fit {method} --scale {scale} --atoms {atoms}"
        + (f" --samples {samples}" if samples is not None else "")
        + f" --seed {seed}"
        + (f" --discriminative {discriminative:g}" if discriminative else ""),
    }
    save_weights(output, *pack(method, learned, card))


def _pictures(folder: Path, limits: Limits) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The folder's pictures, each with its sub-folder's name, as uint8 RGB or gray.

    One that cannot be read is a line on stderr.
    """
    import sys

    from srgan.errors import DataRefused, ImageRefused, LimitExceeded
    from srgan.image.files import read_first
    from srgan.image.pixels import to_8_bits

    found = False
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            colour = to_8_bits(read_first(path, limits=limits).colour)
        except (ImageRefused, LimitExceeded) as error:
            print(f"srgan: {error}", file=sys.stderr)
            continue
        found = True
        inner = "".join(path.relative_to(folder).parts[:-1][:1])
        yield inner, colour[..., 0] if colour.shape[2] == 1 else colour
    if not found:
        raise DataRefused(f"{folder}: there is no picture in it; give a folder of photos")
