"""From a name to an upscaler."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import cast, get_args

from srgan.classical.interpolation import Interpolation
from srgan.errors import ModelRefused, UsageError
from srgan.image.resize import KernelName
from srgan.inference.ensemble import MARK, ensembled
from srgan.inference.graph import blend, build_graph, end_reach, reach
from srgan.inference.network import Network
from srgan.inference.runtimes import (
    Device,
    Precision,
    check_names,
    check_threads,
    choose_device,
    native_bf16,
)
from srgan.inference.tiles import Tiled
from srgan.inference.upscaler import Upscaler
from srgan.processor import cores, fast_bf16, memory
from srgan.weights.catalog import DERIVED, DIALS, FILTERS, SEARCHES, weights_file
from srgan.weights.format import CLASSICAL, GENERATORS, Header, Tensors, load_weights

DEFAULT_MARGIN = 16
"""The margin in pixels of a model that was not measured; invisible in 8 bits for a young one."""

_PICKLED = (".pth", ".pt", ".ckpt", ".tar", ".pkl", ".bin")
_DERIVED = {m.name for m in DERIVED}
_WITHOUT_WEIGHTS = {m.name for m in (*FILTERS, *SEARCHES)}

MEMORY = 900_000_000
"""Bytes that the network may take for a tile when its size is chosen automatically."""
_PROGRAM = 150_000_000
"""Bytes that the program, the runtime, the weights and a row of tiles take besides."""


def load(
    name_or_path: str | Path,
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    scale: int = 4,
    realism: float | None = None,
    tile: int | str = "auto",
    exact: bool = False,
) -> Upscaler:
    """Open a model or filter.

    Args:
        name_or_path: a name that ``srgan.models()`` lists, or a ``.safetensors`` file; with a
            ``+`` behind it, the mean of its runs on the picture in all eight positions.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        precision: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"int8"``. Automatic takes bf16 where
            the CPU is faster in it and the model was found to lose nothing by it.
        threads: CPU cores to use; all by default.
        scale: the factor of a filter; a network has its own.
        realism: 0 (the weights of ``srresnet``) to 1 (all the texture); ``srgan`` and
            ``srgan-photo`` themselves lie where their cards say, at 0.875.
        tile: side of a tile in input pixels, or ``"auto"``: as memory allows.
        exact: tiles overlap so far that the result equals that of the whole picture within
            1e-4; otherwise as far as 8-bit values need.

    Raises:
        ModelRefused: the model is unknown, or its file is damaged or does not fit.
        UsageError: an argument has no meaning.
        RuntimeFailed: the device is not there.
    """
    check_names(device, precision)
    _check(threads, scale, realism, tile)
    single, eightfold = without_mark(name_or_path)
    if single in _WITHOUT_WEIGHTS and realism is not None:
        _dial(single)  # says that it has no such dial
    if single in get_args(KernelName):
        if eightfold:
            raise UsageError(f"{single}{MARK}: a filter gains nothing; take {single} as it is")
        return Interpolation(cast(KernelName, single), scale)
    if single in _WITHOUT_WEIGHTS:
        tiled = _unlearned(single, scale)
    else:
        tensors, header = read_model(single, realism)
        with naming(single):
            if header.architecture in CLASSICAL:
                tiled = _fitted(tensors, header)
            else:
                tiled = open_network(
                    tensors,
                    header,
                    device=choose_device(device),
                    precision=precision,
                    threads=threads or cores(),
                    tile=tile if isinstance(tile, int) else None,
                    margin=reach(header) if exact else None,
                )
    return replace(tiled, upscaler=ensembled(tiled.upscaler)) if eightfold else tiled


@contextmanager
def naming(name_or_path: str | Path) -> Iterator[None]:
    """Puts the model's name before what its tensors are refused for; they do not know it."""
    try:
        yield
    except ModelRefused as error:
        raise ModelRefused(f"{name_or_path}: {error}") from error


# The methods before networks are imported only for who asks for one.


def _unlearned(name: str, scale: int) -> Tiled:
    from srgan.classical.methods import UNLEARNED

    method = UNLEARNED[name]
    return Tiled(method.upscaler(scale), method.tile, method.margin)


def _fitted(tensors: Tensors, header: Header) -> Tiled:
    from srgan.classical.methods import METHODS, open_fitted

    method = METHODS[header.architecture]
    return Tiled(open_fitted(tensors, header), method.tile, method.margin)


def without_mark(name_or_path: str | Path) -> tuple[str, bool]:
    """A method's name without the plus of the self-ensemble, and whether it had one."""
    name = str(name_or_path)
    return name.removesuffix(MARK), name.endswith(MARK)


def read_model(name_or_path: str | Path, realism: float | None = None) -> tuple[Tensors, Header]:
    """What the weights file of a model holds, at a place of its realism dial if one is given.

    Args:
        name_or_path: a name that ``srgan.models()`` lists, or a ``.safetensors`` file.
        realism: 0 to 1, for the models that have the dial.

    Raises:
        ModelRefused: the model is unknown, has no weights, or its file cannot be used.
        UsageError: the model has no such dial, or the number lies beyond it.
    """
    if realism is None:
        tensors, header = load_weights(find_weights(name_or_path))
        if str(name_or_path) in _DERIVED:
            header = replace(header, architecture=str(name_or_path))
        return tensors, header
    _check_realism(realism)
    return _blended(name_or_path, realism)


def identity(name_or_path: str | Path, realism: float | None = None) -> str:
    """What tells a model from every other: a filter's name, or the sha256 of its weights.

    Raises:
        ModelRefused: the model is unknown, or its file cannot be read.
    """
    single, eightfold = without_mark(name_or_path)
    if eightfold:
        return f"{identity(single, realism)} {MARK}"
    if single in _WITHOUT_WEIGHTS:
        return single
    names = (name_or_path,) if realism is None else _dial(name_or_path)
    digest = sha256(str(name_or_path).encode() if str(name_or_path) in _DERIVED else b"")
    for name in names:
        try:
            digest.update(find_weights(name).read_bytes())
        except OSError as error:
            raise ModelRefused(f"{name}: cannot be read: {error.strerror}") from error
    return f"{digest.hexdigest()} {realism}"


def open_network(
    tensors: Tensors,
    header: Header,
    *,
    device: Device = "cpu",
    precision: str = "auto",
    threads: int,
    tile: int | None = None,
    margin: int | None = None,
) -> Tiled:
    """A network, in tiles, from what its weights file holds.

    Args:
        tensors, header: as :func:`srgan.weights.format.load_weights` gives them.
        tile: side of a tile in pixels without its margin; by default as memory allows.
        margin: pixels that tiles overlap to each side; by default what the model was found to
            need.

    Raises:
        ModelRefused: the tensors do not fit the header.
        UsageError: the precision is unknown, or the model was not checked for it.
    """
    chosen = choose_precision(precision, header, device)
    if margin is None:
        margin = int(header.card.get("tile_margin", DEFAULT_MARGIN))
    end = end_reach(header)
    graph = cache(partial(graph_of, tensors, header, part=end is not None))
    graph(chosen)  # refused now rather than at the first picture
    if tile is None:
        # Three quarters of a container's, for what a network takes is known about.
        left = max(0.0, 0.75 * (memory() - _PROGRAM)) if device == "cpu" else MEMORY
        side = int((min(MEMORY, left) / bytes_per_pixel(header, chosen)) ** 0.5)
        tile = max(32, side - 2 * margin)
    network = Network(
        graph,
        scale=header.scale,
        device=device,
        precision=chosen,
        threads=threads,
        end_reach=end,
    )
    network.start()
    return Tiled(network, tile, margin)


def choose_precision(precision: str, header: Header, device: Device) -> Precision:
    """The precision for a model on a device.

    Raises:
        UsageError: the name is unknown, or the device or model cannot have it.
    """
    check_names(precision=precision)
    if precision == "auto":
        checked = "bf16" in header.card.get("precisions", ())
        narrow = checked and device == "cpu" and native_bf16() and fast_bf16()
        return "bf16" if narrow else "fp32"
    if precision == "fp32":
        return "fp32"
    if precision == "bf16":
        if device != "cpu" or not native_bf16():
            raise UsageError("bf16 needs a CPU that has it, and openvino; use --precision auto")
        return "bf16"
    if device != "cpu" or "int8" not in header.card.get("precisions", ()):
        raise UsageError(
            "int8 is for a CPU and a model that was found good enough in it, not for one of "
            "another realism; use --precision auto"
        )
    return "int8"


def bytes_per_pixel(header: Header, precision: Precision) -> int:
    """What a network takes for each input pixel while it runs, about.

    For the paper's network as OpenVINO was measured, in proportion for its kin; the luma
    networks but ESPCN and FSRCNN hold a few sets of maps at the size of the output.
    """
    if header.architecture in GENERATORS:
        paper = 6200 if precision == "fp32" else 3300
        return ceil(paper * int(header.arguments.get("channels", 64)) / 64 * header.scale**2 / 16)
    maps = int(header.arguments.get("channels", header.arguments.get("atoms", 64)))
    small = header.architecture in ("espcn", "fsrcnn")
    return 12 * maps * (1 if small else header.scale**2)


def graph_of(
    tensors: Tensors, header: Header, precision: Precision, *, part: bool = False
) -> bytes:
    """The graph of a network for a precision; ``part`` as in :func:`build_graph`."""
    ranges = header.card.get("activation_ranges", {}) if precision == "int8" else {}
    return build_graph(tensors, header, ranges=ranges, part=part)


def _check(threads: int | None, scale: int, realism: float | None, tile: int | str) -> None:
    check_threads(threads)
    if scale < 1:
        raise UsageError(f"the scale must be at least 1, not {scale}")
    if realism is not None:
        _check_realism(realism)
    if tile != "auto" and not (isinstance(tile, int) and tile >= 1):
        raise UsageError(f"--tile must be auto or at least 1 pixel, not {tile}")


def _check_realism(realism: float) -> None:
    if not 0.0 <= realism <= 1.0:
        raise UsageError(f"--realism must lie between 0 and 1, not {realism}")


def find_weights(name_or_path: str | Path) -> Path:
    """The weights file of a name that ``srgan.models()`` lists, or the path given.

    Raises:
        ModelRefused: there is no model of this name.
    """
    path = Path(name_or_path)
    if path.suffix in _PICKLED:
        raise ModelRefused(
            f"{path}: weights are read from .safetensors files that srgan wrote; a {path.suffix} "
            "file can run code when it is read, and holds other programs' networks"
        )
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        return path
    return weights_file(str(name_or_path))


def _dial(name_or_path: str | Path) -> tuple[str, str]:
    if str(name_or_path) not in DIALS:
        names = ", ".join(DIALS)
        raise UsageError(f"--realism is a dial of {names}; choose one of them as the model")
    return DIALS[str(name_or_path)]


def _blended(name_or_path: str | Path, realism: float) -> tuple[Tensors, Header]:
    near, far = _dial(name_or_path)
    calm, header = load_weights(weights_file(near))
    sharp, other = load_weights(weights_file(far))
    if not header.fits(other):
        raise ModelRefused(f"{near} and {far} differ in their networks; they cannot be blended")
    margin = max(int(h.card.get("tile_margin", DEFAULT_MARGIN)) for h in (header, other))
    # The ranges that int8 needs are those of one model, not of a mixture.
    both = set(header.card.get("precisions", ())) & set(other.card.get("precisions", ()))
    precisions = sorted(both - {"int8"})
    card = {**header.card, "tile_margin": margin, "precisions": precisions}
    # A model lies where its card says on the way from the faithful one to the full texture.
    amount = realism / float(other.card.get("realism", 1.0))
    return blend(calm, sharp, amount), Header(
        header.architecture, header.arguments, header.scale, header.output_range, card
    )
