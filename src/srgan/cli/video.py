"""``srgan video``: enlarge video files."""

from __future__ import annotations

import os
import sys
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
from srgan.words import counted

if TYPE_CHECKING:
    from srgan.inference.stop import Stop
    from srgan.inference.video.job import VideoDone, VideoOptions


def video(
    inputs: Annotated[list[Path], Argument(metavar="INPUT…", help="Videos.", readable=False)],
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            help="File, or folder of the results: .mp4, .m4v, .mov, .mkv or .webm. Default: beside "
            "each input, clip_x4.mp4; .mkv where the input's kind is not written.",
        ),
    ] = None,
    model: Annotated[
        str,
        Option("-m", "--model", help="A name of `srgan models`, or a weights file."),
    ] = "fast",
    scale: Scale = None,
    size: Size = None,
    long_edge: LongEdge = None,
    realism: Realism = None,
    codec: Annotated[
        str | None,
        Option(
            "--codec",
            help="h264, hevc, av1, vp9 or ffv1. Default: h264; hevc of more than 8 bits; av1 in "
            ".webm.",
        ),
    ] = None,
    crf: Annotated[
        int | None,
        Option(
            "--crf",
            help="Quality, lower for better and larger files. Default: h264 18, hevc 20, av1 and "
            "vp9 24; ffv1 is lossless.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    allow_damaged: AllowDamaged = False,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: Threads = None,
    max_input_mp: Annotated[
        float, Option("--max-input-mp", help="Refuse larger frames, in megapixels.")
    ] = 64.0,
    max_output_mp: Annotated[
        float, Option("--max-output-mp", help="Refuse larger frames of results, in megapixels.")
    ] = 1200.0,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Enlarge videos: 4 times, or to any size.

    Every frame keeps its time; sound, subtitles and chapters are copied as they are, or recoded
    where the target does not take them. A result appears under its name whole or not at all.
    Needs `pip install "srgan[video]"`.
    """
    from srgan.inference.video.library import library

    library()
    refuse_stdout(output)
    one_size(scale, size, long_edge)

    from srgan.image.limits import Limits
    from srgan.inference.open import load
    from srgan.inference.stop import stoppable
    from srgan.inference.video.job import VideoOptions

    options = VideoOptions(
        scale=scale,
        size=parse_size(size),
        long_edge=long_edge,
        codec=codec,
        crf=crf,
        overwrite=overwrite,
        allow_damaged=allow_damaged,
        threads=threads,
        limits=Limits.in_megapixels(max_input_mp, max_output_mp),
    )
    pairs = _pairs(inputs, output, options)
    upscaler = load(model, device=device, precision=precision, threads=threads, realism=realism)
    failed = 0
    with stoppable() as stop:
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
                tell_failed(error, source, speaks_of=[source, target], json_=json_)
                if isinstance(error, UsageError) and len(pairs) == 1:
                    sys.exit(2)
            else:
                _report(done, quiet=quiet, json_=json_)
    sys.exit(stop.exit_status or int(bool(failed)))


def _one(
    source: Path, target: Path, upscaler: Any, options: VideoOptions, *, show: bool, stop: Stop
) -> VideoDone:
    from srgan.cli.progress import frames_bar
    from srgan.inference.video.job import upscale_video

    with frames_bar(source.name, show=show) as bar:
        return upscale_video(
            source,
            target,
            upscaler,
            options,
            looked=None if bar is None else bar.looked,
            progress=None if bar is None else bar.frames,
            cancelled=stop,
        )


def _report(done: VideoDone, *, quiet: bool, json_: bool) -> None:
    rate = done.frames / done.seconds
    same = f" ({done.reused} like the one before)" if done.reused else ""
    frames = counted(done.frames, "frame") + same
    line = f", {frames}, {done.codec}, {done.seconds:.1f} s, {rate:.2f} frames/s"
    tell_done(done, line, quiet=quiet, json_=json_, reused=done.reused, codec=done.codec)


def _pairs(
    inputs: list[Path], output: Path | None, options: VideoOptions
) -> list[tuple[Path, Path]]:
    """Each video with the file that its result goes to.

    Raises:
        UsageError: an input is a folder, two results would have one name, a result would replace
            another input, or a name is of a kind that is not written.
    """
    from srgan.image.atomic import one_name, shown
    from srgan.inference.video.codecs import container_for
    from srgan.inference.video.job import default_output

    for given in inputs:
        if given.is_dir():
            raise UsageError(f"{shown(given)} is a folder; name the videos in it")
    if output is not None and not output.is_dir() and output.suffix:
        container_for(output)
        if len(inputs) > 1:
            raise UsageError(
                f"--output {shown(output)} names a video, but {len(inputs)} inputs were given; "
                "name a folder"
            )
        return [(inputs[0], output)]
    pairs = [(given, default_output(given, options, output)) for given in inputs]
    sources = {one_name(given): given for given in inputs}
    for given, target in pairs:
        other = sources.get(one_name(target), given)
        if one_name(other) != one_name(given):
            raise UsageError(
                f"{shown(given)} would become {shown(target)}, which is an input itself; "
                "choose another --output, or give them one at a time"
            )
    refuse_shared_targets(pairs)
    return pairs
