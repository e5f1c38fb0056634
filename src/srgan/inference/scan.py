"""What a folder job will do, found before anything is done: inputs, names, space."""

import os
import shutil
import string
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from srgan.errors import ImageRefused, OutputFailed, SRGANError, UsageError
from srgan.image.atomic import failure, is_temporary, one_name, shown
from srgan.image.files import format_for, probe
from srgan.image.formats import FORMATS, SNIFF_BYTES, Format, is_video, sniff
from srgan.image.limits import Limits

# Pictures by their name that this package does not read: worth a line, where a text file is not.
_FOREIGN = (
    "heic heif jxl jp2 j2k psd xcf eps ps svg pdf ico icns tga dds exr hdr fits "
    "pnm ppm pgm pbm dng cr2 cr3 nef arw orf raf"
)
_SOUNDS = "mka weba wma"  # which begin as videos do
_FIELDS = ("stem", "ext", "scale", "model")

# The fewest bytes that a pixel takes whatever the picture shows: a gray pixel where nothing is
# packed; deflate makes no more than 1032 bytes of one, and JPEG has two bits for 64 gray pixels.
_SURE_BYTES = {"BMP": 1.0, "PNG": 1 / 1032, "TIFF": 1 / 1032, "JPEG": 1 / 256}
# The fewest that one of an ordinary photo takes; flat drawings take far less.
_PHOTO_BYTES = {"PNG": 1.0, "TIFF": 1.2, "BMP": 3.0, "JPEG": 0.15, "WEBP": 0.08, "AVIF": 0.04}


@dataclass(frozen=True, slots=True)
class Task:
    """One picture of a folder job.

    Attributes:
        input: the file to read.
        output: the file to write.
        format: of the output, such as "PNG".
        name: the output's path relative to the output folder, for the journal and for reports.
    """

    input: Path
    output: Path
    format: str
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks of a folder job, and lines about what was left aside.

    Attributes:
        unreadable: folders whose content is not known, and the system's reasons.
    """

    tasks: tuple[Task, ...]
    notices: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


def plan_folder(
    folder: Path,
    output: Path,
    *,
    recursive: bool = False,
    template: str = "{stem}",
    format: str | None = None,
    values: dict[str, str] | None = None,
    made_before: frozenset[str] | set[str] = frozenset(),
) -> Plan:
    """Find the inputs of a folder and name their outputs.

    Content decides what is a picture and what a video. Files that are none and do not claim to be
    a picture by their extension are left aside in silence, and so are the outputs of earlier jobs.

    Args:
        folder: of the inputs.
        output: of the outputs; sub-folders are kept. It may lie inside ``folder``.
        recursive: look into sub-folders; links to folders are not followed.
        template: of the output's name without extension: {stem} and {ext} of the input, {scale}
            and {model}.
        format: of all outputs; each keeps its input's format where it is None.
        values: for {scale} and {model}.
        made_before: outputs of earlier jobs in ``output``, which are no inputs.

    Raises:
        UsageError: no such folder, a template without meaning, several inputs for one output, or
            an output in place of an input. Nothing has been written then.
        ImageRefused: the folder cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{shown(folder)}: no such folder")
    _check_template(template)
    if format is not None:
        format_for(format)
    tasks: list[Task] = []
    notices: list[str] = []
    below: list[str] = []
    unreadable: list[tuple[str, str]] = []
    videos = 0
    inside = _real(output)
    ours = {inside / name for name in made_before}
    for path in _walk(folder, inside, recursive, notices, below, unreadable):
        if _real(path.parent) / path.name in ours:
            continue
        head = _head(path)
        kind = _kind(path, head)
        if kind is None:
            videos += is_video(head) and _suffix(path) not in _SOUNDS.split()
            continue
        relative = path.relative_to(folder)
        name = _name(relative, template, format, kind, values or {})
        tasks.append(Task(path, output / name, _format_name(format, kind), str(name)))
    _check_collisions(tasks)
    if below:
        notices.append(_aside(folder, len(below), "sub-folder", "-r takes sub-folders as well"))
    if videos:
        notices.append(_aside(folder, videos, "video", "`srgan video` enlarges videos"))
    if not tasks:
        notices.append(f"{shown(folder)}: there are no pictures in it")
    return Plan(tuple(tasks), tuple(notices), tuple(unreadable))


def _aside(folder: Path, count: int, what: str, remedy: str) -> str:
    return f"{shown(folder)}: {count} {what}{'s are' if count > 1 else ' is'} left aside; {remedy}"


def check_space(
    tasks: tuple[Task, ...],
    output: Path,
    *,
    size_of: Callable[[int, int], tuple[int, int]],
    limits: Limits,
) -> str:
    """Refuse a job whose outputs cannot all fit on the disk whatever they show.

    An output that is there already counts nothing: it stays, or gives its space to the next.

    Args:
        tasks: of the job.
        output: a folder that may not exist yet.
        size_of: height and width of an input to those of its output.
        limits: what is accepted; inputs that are not count nothing.

    Returns:
        a line for the user where outputs of photos would not fit; else nothing.

    Raises:
        OutputFailed: names both figures.
    """
    sure = photos = 0.0
    for task in tasks:
        if os.path.lexists(task.output):
            continue
        try:
            info = probe(task.input, limits=limits)
            height, width = size_of(info.height, info.width)
        except SRGANError:
            continue  # its own line comes when it is its turn
        pixels = height * width  # of the first frame: others may be like it, damaged or not held
        sure += pixels * _SURE_BYTES.get(task.format, 0.0)
        frames = info.pixels / (info.height * info.width) if FORMATS[task.format].animated else 1
        photos += pixels * frames * _PHOTO_BYTES.get(task.format, 0.2)
    place = output
    while not place.exists() and place != place.parent:  # as a drive that is not there is
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise failure(output, error) from error
    if sure > free:
        raise OutputFailed(
            f"{shown(output)}: at least {_amount(sure)} are needed and {_amount(free)} are "
            "free; choose another folder, a smaller size or --format jpg"
        )
    if photos > free:
        return (
            f"{shown(output)}: photos would need at least {_amount(photos)} and {_amount(free)} "
            "are free; a full disk stops the job, and --resume does the rest"
        )
    return ""


def _amount(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _walk(
    folder: Path,
    output: Path,
    recursive: bool,
    notices: list[str],
    left: list[str],
    unreadable: list[tuple[str, str]],
) -> Iterator[Path]:
    root, inside = _real(folder), one_name(output)

    def refused(error: OSError) -> None:
        if error.filename == os.fspath(folder):
            raise ImageRefused(f"{shown(folder)}: cannot be read: {error.strerror}") from error
        unreadable.append((str(error.filename), f"cannot be read: {error.strerror}"))

    for here, folders, files in os.walk(folder, onerror=refused):
        place = Path(here)
        folders.sort()
        for name in list(folders):
            below = place / name
            if below.is_symlink():
                notices.append(f"{shown(below)}: a link to a folder is not followed")
                folders.remove(name)
            elif one_name(below) == inside and output != root:
                folders.remove(name)
            elif not recursive:
                folders.remove(name)
                left += [] if name.startswith(".") else [name]
        for name in sorted(files):
            path = place / name
            if is_temporary(path) or name.startswith(".srgan-"):
                continue
            if path.is_symlink() and not _real(path).is_relative_to(root):
                notices.append(f"{shown(path)}: a link out of the folder is not followed")
                continue
            yield path


def _real(path: Path) -> Path:
    """Where a path leads; of a link that leads to itself, the link."""
    return Path(os.path.realpath(path))


_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # what macOS writes beside photo.jpg as ._photo.jpg


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of one that cannot be read, and of a pipe."""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(SNIFF_BYTES)
    return b""


def _suffix(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _kind(path: Path, head: bytes) -> Format | str | None:
    """A picture's format; its suffix if it only claims to be one; None for other files."""
    claims = _suffix(path) in _FOREIGN.split()
    with suppress(UsageError):
        format_for(path.suffix)
        claims = True
    if head.startswith(_APPLE_DOUBLE):
        return None
    kind = sniff(head)
    if isinstance(kind, Format):
        return kind
    return path.suffix if claims else None


def _check_template(template: str) -> None:
    try:
        fields = [
            field for _, field, _, _ in string.Formatter().parse(template) if field is not None
        ]
    except ValueError as error:
        raise UsageError(f"the name template {template!r} has no meaning: {error}") from error
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown or "stem" not in fields:
        known = ", ".join("{" + f + "}" for f in _FIELDS)
        raise UsageError(f"the name template {template!r} needs {{stem}} and knows {known}")
    if any(mark in template for mark in "/\\\0"):
        raise UsageError(f"the name template {template!r} names a folder; give that with -o")


def _name(
    relative: Path, template: str, format: str | None, kind: Format | str, values: dict[str, str]
) -> PurePath:
    suffix = relative.suffix
    if format is not None:
        suffix = format_for(format).suffixes[0]
    elif isinstance(kind, Format) and suffix.lower() not in kind.suffixes:
        suffix = kind.suffixes[0]  # content decides
    known = {"scale": "", "model": ""} | values
    stem = template.format_map(
        known | {"stem": relative.stem, "ext": relative.suffix.lower().lstrip(".")}
    )
    return relative.parent / (stem + suffix)


def _format_name(format: str | None, kind: Format | str) -> str:
    if format is None and isinstance(kind, Format):
        return kind.name
    try:
        return format_for(format or str(kind)).name
    except UsageError:
        return "PNG"  # nothing will be written


def _check_collisions(tasks: list[Task]) -> None:
    inputs = {one_name(task.input) for task in tasks}
    seen: dict[str, Task] = {}
    for task in tasks:
        key = one_name(task.output)
        if key in inputs:
            raise UsageError(
                f"{shown(task.output)} would replace an input; choose another folder with -o or "
                "a name such as --name '{stem}-x{scale}'"
            )
        if key in seen:
            raise UsageError(
                f"{shown(seen[key].input)} and {shown(task.input)} would both become "
                f"{shown(task.output)}; add {{ext}} to the name, as in --name '{{stem}}-{{ext}}'"
            )
        seen[key] = task
