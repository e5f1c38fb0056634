"""``srgan upscale``: enlarge pictures and folders of pictures."""

from __future__ import annotations

import os
import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from srgan.cli.options import (
    AllowDamaged,
    Device,
    Json,
    LongEdge,
    Overwrite,
    Precision,
    Quiet,
    Realism,
    Scale,
    Size,
    Threads,
    one_size,
    parse_size,
)
from srgan.cli.told import refuse_shared_targets, refuse_stdout, tell_done, tell_failed
from srgan.errors import Cancelled, SRGANError, UsageError

if TYPE_CHECKING:
    from srgan.inference.file import Done, Options
    from srgan.inference.stop import Stop


def upscale(
    inputs: Annotated[
        list[Path],
        # One that cannot be read is told with its picture, when the others are done.
        Argument(metavar="INPUT…", help="Pictures or folders.", readable=False),
    ],
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            help="File or folder of the results. Default: beside each input, photo_x4.jpg; "
            "of a folder, beside it, photos_x4.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        Option(
            "-m",
            "--model",
            help="A name of `srgan models`, or a weights file. With a + behind it, as srresnet+: "
            "the mean of its runs on the picture mirrored and turned, nearer to the original in "
            "eight times the time.",
        ),
    ] = None,
    scale: Scale = None,
    size: Size = None,
    long_edge: LongEdge = None,
    realism: Realism = None,
    recursive: Annotated[
        bool, Option("-r", "--recursive", help="Sub-folders as well; they are kept in the output.")
    ] = False,
    format_: Annotated[
        str | None,
        Option(
            "--format", help="png, jpg, webp, tiff, bmp, gif, avif or heic. Default: the input's."
        ),
    ] = None,
    quality: Annotated[
        int | None,
        Option(
            "--quality",
            help="1 to 100, for jpg, webp, avif and heic.  Default: 95; webp and heic 90, avif 80.",
        ),
    ] = None,
    strip: Annotated[
        bool, Option("--strip", help="Drop EXIF, XMP, texts, resolution and colour profile.")
    ] = False,
    overwrite: Overwrite = False,
    name: Annotated[
        str,
        Option("--name", help="Folders: names of results, of {stem}, {ext}, {scale} and {model}."),
    ] = "{stem}",
    resume: Annotated[
        bool,
        Option(
            "--resume",
            help="Folders: do what is missing, and again what other options or inputs made.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        Option(
            "--workers",
            min=1,
            help="Folders: pictures under way at the same time. Default: 1; --ray: 1 a machine.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        Option(
            "--ray",
            metavar="ADDRESS|local",
            help="Folders: spread the pictures over a Ray cluster that sees the same folders.",
        ),
    ] = None,
    consistent: Annotated[
        bool,
        Option("--consistent", help="Correct the result so that shrunk it equals the input."),
    ] = False,
    allow_damaged: AllowDamaged = False,
    tile: Annotated[
        str, Option("--tile", metavar="N|auto", help="Side of the tiles in input pixels.")
    ] = "auto",
    exact: Annotated[
        bool, Option("--exact", help="Overlap tiles so far that they change nothing; slower.")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
    max_input_mp: Annotated[
        float, Option("--max-input-mp", help="Refuse larger inputs, in megapixels.")
    ] = 64.0,
    max_output_mp: Annotated[
        float, Option("--max-output-mp", help="Refuse larger results, in megapixels.")
    ] = 1200.0,
    max_frames: Annotated[int, Option("--max-frames", help="Refuse longer animations.")] = 300,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Enlarge pictures: 4 times, or to any size, with photo-realistic detail.

    Colours, metadata, transparency, animation and bit depth are kept. A result appears under its
    name whole or not at all, and never replaces a file unless --overwrite says so.
    """
    from srgan.inference.open import load
    from srgan.weights.catalog import DEFAULT

    refuse_stdout(output)
    one_size(scale, size, long_edge)
    chosen = model or DEFAULT
    if ray is not None and Path(chosen).suffix.startswith(".safetensors"):
        chosen = str(Path(chosen).absolute())  # the workers start in folders of their own
    open_model = partial(
        load,
        chosen,
        device=device,
        precision=precision,
        threads=threads,
        realism=realism,
        tile="auto" if tile == "auto" else _number(tile, "--tile"),
        exact=exact,
    )
    opened = cache(open_model)
    if ray is None and any(given.is_file() for given in inputs):
        opened()  # the runtime starts while all the rest is imported

    from srgan.image.atomic import sweep
    from srgan.image.limits import Limits
    from srgan.inference.file import Options, size_mark
    from srgan.inference.stop import stoppable

    options = Options(
        scale=scale,
        size=parse_size(size),
        long_edge=long_edge,
        format=format_,
        quality=quality,
        strip=strip,
        overwrite=overwrite,
        consistent=consistent,
        allow_damaged=allow_damaged,
        limits=Limits.in_megapixels(max_input_mp, max_output_mp, max_frames),
    )
    with stoppable() as stop:
        folders = [given for given in inputs if given.is_dir()]
        pairs = _pairs([given for given in inputs if given not in folders], output, options, inputs)
        if ray is not None and pairs:
            raise UsageError("--ray is for folders; give single pictures without it")
        if all(given.is_file() for given in inputs):
            _refuse_folders_options(name, resume, workers)
        status = 0
        for folder in folders:
            from srgan.cli.folder import upscale_folder
            from srgan.inference.open import identity

            target = output or _beside(folder, size_mark(options))
            made_by = {"model": identity(chosen, realism), "precision": precision, "exact": exact}
            far = None
            if ray is not None:
                from srgan.inference.cluster import cluster
                from srgan.inference.worker import Opening

                opening = Opening(
                    open_model,
                    str(made_by["model"]),
                    partial(identity, chosen, realism),
                    threads,
                    gpu=device == "cuda",
                )
                far = cluster(ray, opening, options, workers=workers, stop=stop)
            ended = upscale_folder(
                folder,
                target / folder.resolve().name
                if output is not None and len(folders) > 1
                else target,
                options,
                load=opened,
                stop=stop,
                made_by=made_by,
                model=Path(chosen).stem,
                template=name,
                recursive=recursive,
                resume=resume,
                workers=workers or 1,
                far=far,
                quiet=quiet,
                json=json_,
            )
            if ended > 1:
                sys.exit(ended)
            status = status or ended
        if not pairs:
            sys.exit(status)
        for place in {target.parent for _, target in pairs}:
            sweep(place)  # what a killed run left half written
        upscaler = opened()
        failed = 0
        for source, target in pairs:
            try:
                done = _one(source, target, upscaler, options, show=not quiet, stop=stop)
            except Cancelled:
                print("srgan: interrupted", file=sys.stderr)
                sys.exit(stop.exit_status)
            except SRGANError as error:
                if os.environ.get("SRGAN_DEBUG"):
                    raise
                failed += 1
                tell_failed(error, source, speaks_of=[source], json_=json_)
                if isinstance(error, UsageError) and len(pairs) == 1:
                    sys.exit(2)
            else:
                frames = f", {done.frames} frames" if done.frames > 1 else ""
                tell_done(done, f"{frames}, {done.seconds:.1f} s", quiet=quiet, json_=json_)
        sys.exit(stop.exit_status or int(bool(failed or status)))


def _refuse_folders_options(name: str, resume: bool, workers: int | None) -> None:
    if name != "{stem}":
        raise UsageError("--name is for folders; name the result of a picture with -o")
    if resume or workers is not None:
        option = "--resume" if resume else "--workers"
        raise UsageError(f"{option} is for folders; give the folder, or pictures without it")


def _one(
    source: Path, target: Path, upscaler: Any, options: Options, *, show: bool, stop: Stop
) -> Done:
    from srgan.cli.progress import progress_bar
    from srgan.inference.file import upscale_file

    with progress_bar(source.name, show=show) as progress:
        return upscale_file(source, target, upscaler, options, progress=progress, cancelled=stop)


def _beside(folder: Path, mark: str) -> Path:
    """The folder of the results when nobody says: ``photos/`` → ``photos_x4``, and so from inside.

    Raises:
        UsageError: nothing can lie beside the folder.
    """
    place = folder.resolve() if folder.name in ("", "..") else folder
    if not place.name:
        raise UsageError(f"{place} has nothing beside it; name a folder for the results with -o")
    return place.with_name(f"{place.name}_{mark}")


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"{option} wants a number of pixels or auto, not {text!r}")
    return int(text)


def _pairs(
    files: list[Path], output: Path | None, options: Options, inputs: list[Path]
) -> list[tuple[Path, Path]]:
    """Each picture with the file that its result goes to.

    Raises:
        UsageError: two results would have one name, or a name has no known format.
    """
    from srgan.image.atomic import shown
    from srgan.image.files import format_for
    from srgan.inference.file import default_output, known_suffix

    single = len(inputs) == 1 and not inputs[0].is_dir()
    if output is not None and not output.is_dir():
        if known_suffix(output) and len(inputs) > 1:
            raise UsageError(
                f"--output {shown(output)} names a picture, but {len(inputs)} inputs were given; "
                "name a folder"
            )
        if single and output.suffix:
            format_for(output)
            return [(inputs[0], output)]
    pairs = [(given, default_output(given, options, output)) for given in files]
    refuse_shared_targets(pairs)
    return pairs
