"""Recipes: TOML at the edge, frozen dataclasses inside."""

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from srgan.degradation.pipeline import Degradation
from srgan.errors import UsageError
from srgan.weights.format import ARGUMENTS


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """The generator's arguments; the defaults are the paper's.

    ``architecture``: ``"johnson"`` is the network of Johnson et al. (2016), with 4 blocks in their
    paper; it has no argument but ``scale``, ``channels`` and ``blocks``.
    """

    architecture: Literal["srresnet", "johnson"] = "srresnet"
    scale: int = 4
    channels: int = 64
    blocks: int = 16
    batch_norm: bool = True
    skip: Literal["none", "bilinear"] = "none"
    direct: bool = False


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is drawn: HR crops of ``crop`` pixels, ``batch`` a step; photos held out.

    ``held_out_seed`` chooses them, apart from the run's seed: stages that build on each other
    must hold out the same photos. ``augment``: crops are mirrored and turned at random.
    ``distinct``: no photo twice in an update. ``workers`` are loader processes; on a CPU and with
    the photos resident on a GPU none is fastest. ``extra``: a pack or folder of pictures to draw
    from beside the photos, none of which is held out, such as drawn text.
    """

    crop: int = 96
    batch: int = 16
    augment: bool = True
    distinct: bool = False
    held_out: int = 24
    held_out_seed: int = 1
    workers: int = 0
    extra: str = ""


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """How to compute. None of it changes what is learnt, but for rounding.

    ``precision``: of convolutions; weights, losses and Adam are float32 always. ``"auto"`` is bf16
    on a GPU or processor that is faster in it, else fp32. ``compile``: with ``torch.compile``;
    ``"graphs"`` adds CUDA graphs. ``deterministic``: equal runs are equal to the last bit, on one
    kind of machine; an operation that cannot be is an error.
    """

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: Literal["off", "default", "graphs"] = "off"
    deterministic: bool = False


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam and its schedule.

    ``schedule``: ``"constant"``; ``"step"``: a tenth of the rate for the last ``decay`` updates, as
    in the paper's GAN stage; or ``"decay"``: constant until ``decay`` updates before the end,
    then linear to a fiftieth. Both warm up linearly over ``warm_up`` updates.
    """

    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    warm_up: int = 0
    schedule: Literal["constant", "step", "decay"] = "constant"
    decay: int = 0


@dataclass(frozen=True, slots=True)
class PretrainConfig:
    """A recipe of pixel pre-training.

    ``luma``: the weight of the same loss between the pictures' luma, added to that between RGB.
    ``method``: what trains the kernels, Adam or :class:`srgan.training.muon.Muon`.
    ``validation``: a folder of pictures to validate on; ``""`` means the photos held out.
    ``teacher``: a generator's weights file; what it makes of the LR picture in ``positions`` of its
    eight positions, averaged, takes HR's place in the loss (:mod:`srgan.training.teacher`).
    ``best``: what the best weights are best in, Y-PSNR or ST-LPIPS.
    ``freeze_norm``: from this update on (1 is the first; 0 is never) batch normalisation keeps the
    statistics that it has, as at inference.
    """

    name: str
    updates: int
    start: str = ""
    kind: Literal["pretrain"] = "pretrain"
    seed: int = 0
    loss: Literal["mse", "l1"] = "mse"
    teacher: str = ""
    positions: int = 2
    luma: float = 0.0
    method: Literal["adam", "muon"] = "adam"
    freeze_norm: int = 0
    output_range: tuple[float, float] = (-1.0, 1.0)
    ema: float = 0.0
    validation: str = ""
    best: Literal["psnr", "perceptual"] = "psnr"
    log_every: int = 50
    validate_every: int = 1000
    checkpoint_every: int = 1000
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    degradation: Degradation | None = None
    device: DeviceConfig = field(default_factory=DeviceConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        check(self)
        if not 1 <= self.positions <= 8:
            raise UsageError(f"recipe.positions = {self.positions}: must be 1 to 8")


@dataclass(frozen=True, slots=True)
class PixelConfig:
    """The pixel loss, in the generator's output range; weight 0 leaves it out."""

    loss: Literal["mse", "l1"] = "mse"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ContentConfig:
    """The feature loss; weight 0 leaves it out.

    ``file``: weights of ``network``; ``""`` for VGG19 is torchvision's published file.
    ``layers`` and ``layer_weights`` go together. With ``calibrate`` the factor is chosen before
    the first update so that the feature loss weighs ``weight`` times as much as the pixel loss
    ``pixel.loss`` of the generator it starts from; without it ``weight`` is the factor itself.
    """

    network: Literal["vgg16", "vgg19"] = "vgg19"
    file: str = ""
    layers: tuple[str, ...] = ("conv5_4",)
    layer_weights: tuple[float, ...] = (1.0,)
    activated: bool = True
    normalised: bool = False
    loss: Literal["mse", "l1"] = "mse"
    weight: float = 1.0
    calibrate: bool = True


@dataclass(frozen=True, slots=True)
class AdversarialConfig:
    """The discriminator and the weight of its judgement; weight 0 trains without one.

    ``discriminator``: ``"features"`` judges ``content``'s layers instead of pixels.
    """

    discriminator: Literal["paper", "pooled", "unet", "features"] = "paper"
    channels: int = 64
    game: Literal["standard", "relativistic"] = "standard"
    weight: float = 1e-3
    learning_rate: float = 1e-4
    warm_up: int = 0


@dataclass(frozen=True, slots=True)
class GanConfig:
    """A recipe of GAN training: all of it for ``start``, a generator's weights file.

    Without a discriminator (``adversarial.weight`` is 0) ``start`` may be ``""``: it begins at
    random.

    ``artefacts``, ``consistency``, ``grid``, ``overshoot`` and ``total_variation`` are the weights
    of :func:`srgan.losses.pixel.artefact_loss` and its neighbours. ``validation`` and
    ``freeze_norm`` as in :class:`PretrainConfig`, and ``method``, which is the generator's;
    ``best`` too, but where ST-LPIPS is not installed the distance of features is the perceptual
    measure, and without those Y-PSNR.

    ``shift``: feature network and discriminator see a window of the crop that is so many pixels
    smaller, at a place drawn anew each update. Their strides otherwise meet the generator's
    sub-pixel phases always alike and favour some: a fine grid.
    """

    name: str
    updates: int
    start: str = ""
    kind: Literal["gan"] = "gan"
    seed: int = 0
    method: Literal["adam", "muon"] = "adam"
    freeze_norm: int = 0
    output_range: tuple[float, float] = (-1.0, 1.0)
    ema: float = 0.0
    artefacts: float = 0.0
    consistency: float = 0.0
    grid: float = 0.0
    overshoot: float = 0.0
    total_variation: float = 0.0
    shift: int = 0
    validation: str = ""
    best: Literal["psnr", "perceptual"] = "perceptual"
    log_every: int = 50
    validate_every: int = 500
    checkpoint_every: int = 500
    pixel: PixelConfig = field(default_factory=PixelConfig)
    content: ContentConfig = field(default_factory=ContentConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    degradation: Degradation | None = None
    device: DeviceConfig = field(default_factory=DeviceConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        check(self)
        judge = self.adversarial.discriminator
        sides = {"paper": 16, "unet": 8}.get(judge, 1)
        if self.adversarial.weight and self.data.crop % sides:
            raise UsageError(
                f"recipe.data.crop = {self.data.crop}: the discriminator {judge!r} wants a "
                f"multiple of {sides}; or choose adversarial.discriminator = 'pooled'"
            )
        terms = (self.pixel.weight, self.content.weight, self.adversarial.weight, self.artefacts)
        more = (self.consistency, self.grid, self.overshoot, self.total_variation)
        if not any((*terms, *more)):
            raise UsageError("recipe: every loss of the generator has weight 0; give one a weight")
        if self.overshoot and self.degradation is None:
            raise UsageError(
                "recipe.overshoot: LR has no rims without [degradation]; give it a sharpen_share, "
                "or leave overshoot out"
            )
        if self.shift < 0 or self.shift % 8 or self.shift > self.data.crop - 32:
            raise UsageError(
                f"recipe.shift = {self.shift}: must be a multiple of 8 that leaves 32 pixels of "
                "data.crop"
            )
        if self.shift and self.adversarial.weight and self.adversarial.discriminator == "paper":
            raise UsageError(
                "recipe.shift: the discriminator 'paper' judges whole crops only; choose "
                "adversarial.discriminator = 'pooled' or 'unet'"
            )
        if self.adversarial.discriminator == "features":
            if not self.content.weight:
                raise UsageError(
                    "recipe.content.weight = 0: the discriminator 'features' judges the content "
                    "loss's layers; give it a weight, or choose adversarial.discriminator = "
                    "'pooled' or 'unet'"
                )
            self._room_for_judges()

    def _room_for_judges(self) -> None:
        # Their 3x3 convolutions are not padded: two a layer, one for the last.
        side = self.data.crop - self.shift
        for layer in self.content.layers:
            if not layer[4:5].isdigit():
                continue  # no layer; the feature network says so
            wanted = 3 if layer == self.content.layers[-1] else 5
            wanted *= 2 ** (int(layer[4]) - 1)
            if side < wanted:
                raise UsageError(
                    f"recipe.data.crop = {self.data.crop}: to judge {layer}, the discriminator "
                    f"'features' wants {wanted + self.shift} pixels or more"
                )


@dataclass(frozen=True, slots=True)
class LumaNetworkConfig:
    """A network that works on luma; each architecture has some of these arguments."""

    architecture: Literal["srcnn", "espcn", "drcn", "scn", "cscn", "fsrcnn", "eeds"]
    scale: int = 4
    middle: int = 5
    channels: int = 64
    recursions: int = 16
    atoms: int = 128
    shrunk: int = 12
    mappings: int = 4
    residual: bool = True


@dataclass(frozen=True, slots=True)
class LumaConfig:
    """A recipe of a luma network, trained for mean squared error.

    ``start``: a weights file of the same network to go on from, or of the ``scn`` that each stage
    of a ``cscn`` begins as; ``""`` begins at random.
    ``precision``: of convolutions; what they add to, losses, weights and Adam are float32 always.
    ``method``: what trains the kernels, Adam or :class:`srgan.training.muon.Muon`.
    """

    name: str
    updates: int
    network: LumaNetworkConfig
    start: str = ""
    kind: Literal["luma"] = "luma"
    precision: Literal["bf16", "fp32"] = "fp32"
    method: Literal["adam", "muon"] = "adam"
    seed: int = 0
    ema: float = 0.0
    validate_every: int = 1000
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        check(self)


Config = PretrainConfig | GanConfig


_LEAST = {
    "updates": 1,
    "log_every": 1,
    "validate_every": 1,
    "checkpoint_every": 1,
    "seed": 0,
    "freeze_norm": 0,
    "data.batch": 1,
    "data.crop": 16,
    "data.held_out": 1,
    "data.held_out_seed": 0,
    "data.workers": 0,
    "generator.channels": 1,
    "generator.blocks": 1,
    "network.channels": 1,
    "network.recursions": 1,
    "network.atoms": 1,
    "network.shrunk": 1,
    "network.mappings": 0,
    "optimiser.warm_up": 0,
    "optimiser.decay": 0,
    "adversarial.channels": 1,
    "adversarial.warm_up": 0,
    **dict.fromkeys(("luma", "artefacts", "consistency"), 0),
    **dict.fromkeys(("grid", "overshoot", "total_variation"), 0),
    **dict.fromkeys(("pixel.weight", "content.weight", "adversarial.weight"), 0),
}
_SHARES = ("ema", "optimiser.beta1", "optimiser.beta2")
_RATES = ("optimiser.learning_rate", "adversarial.learning_rate")


def check(config: Config | LumaConfig) -> None:
    """Values that no run can have.

    Raises:
        UsageError: naming the key, its value and what it must be.
    """
    values = _flat(asdict(config))
    for key in values.keys() & _LEAST.keys():
        if values[key] < _LEAST[key]:
            wanted = "not be negative" if _LEAST[key] == 0 else f"be at least {_LEAST[key]}"
            raise UsageError(f"recipe.{key} = {values[key]}: must {wanted}")
    for key in _SHARES:
        if not 0.0 <= values[key] < 1.0:
            raise UsageError(f"recipe.{key} = {values[key]}: must be at least 0 and below 1")
    for key in values.keys() & set(_RATES):
        if values[key] <= 0:
            raise UsageError(f"recipe.{key} = {values[key]}: must be above 0")
    for key in ("seed", "data.held_out_seed"):
        if values[key] >= 1 << 62:  # room for what is added to it, in the generators' 64 bits
            raise UsageError(f"recipe.{key} = {values[key]}: must be below 2^62")
    if config.optimiser.schedule != "constant" and config.optimiser.decay > config.updates:
        raise UsageError(
            f"recipe.optimiser.decay = {config.optimiser.decay}: more than all "
            f"{config.updates} updates, so that the rate would begin lowered; set both"
        )
    network = config.network if isinstance(config, LumaConfig) else config.generator
    where = "network" if isinstance(config, LumaConfig) else "generator"
    if network.scale not in (2, 3, 4):
        raise UsageError(f"recipe.{where}.scale = {network.scale}: must be 2, 3 or 4")
    check_arguments(network, where)
    if isinstance(config, LumaConfig):
        if config.data.crop % network.scale:
            raise UsageError(
                f"recipe.data.crop = {config.data.crop}: must be a multiple of the scale, "
                f"{network.scale}"
            )
        return
    if config.data.crop < 32:
        raise UsageError(f"recipe.data.crop = {config.data.crop}: must be at least 32")
    if config.data.crop % (4 * network.scale):
        raise UsageError(
            f"recipe.data.crop = {config.data.crop}: must be a multiple of "
            f"{4 * network.scale}, four times the scale"
        )
    if config.degradation is not None and network.scale != 4:
        raise UsageError("recipe.degradation: damaged photos are made for scale 4 only")
    if config.output_range not in ((0.0, 1.0), (-1.0, 1.0)):
        raise UsageError("recipe.output_range must be [0.0, 1.0] or [-1.0, 1.0]")


def check_arguments(config: GeneratorConfig | LumaNetworkConfig, where: str) -> None:
    """Arguments that the architecture of the section ``where`` does not have.

    Raises:
        UsageError: naming the first of them.
    """
    if config.architecture == "johnson" and config.scale not in (2, 4):
        raise UsageError(f"recipe.{where}.scale = {config.scale}: johnson has 2 and 4")
    known = {"architecture", *ARGUMENTS[config.architecture]}
    for key in dataclasses.fields(config):
        value = getattr(config, key.name)
        if key.name not in known and value != key.default:
            raise UsageError(
                f"recipe.{where}.{key.name} = {value!r}: {config.architecture} has no such "
                "argument; leave it out"
            )


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe by key, those of its sections as ``section.key``."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat


C = TypeVar("C")


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Config | LumaConfig:
    """Read a recipe; ``overrides`` are ``section.key=value`` with TOML values.

    Raises:
        UsageError: the file is missing or no TOML, or a key or value is wrong.
    """
    try:
        table: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the recipe cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no text in UTF-8, which a recipe is") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: the recipe is no valid TOML: {error}") from error
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UsageError(f"--set wants key=value, not {override!r}")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        *sections, last = key.strip().split(".")
        inner = table
        for section in sections:
            inner = inner.setdefault(section, {})
            if not isinstance(inner, dict):
                raise UsageError(f"--set {override}: {section} is no section of the recipe")
        inner[last] = parsed
    kinds = {"pretrain": PretrainConfig, "gan": GanConfig, "luma": LumaConfig}
    kind = table.get("kind", "pretrain")
    if kind not in list(kinds):
        raise UsageError(f"recipe.kind: must be one of {list(kinds)}, not {kind!r}")
    return build(kinds[kind], table, "recipe")


def build(cls: type[C], table: Mapping[str, Any], where: str) -> C:
    """Make a config dataclass of a table; an unknown key or wrong type is an error.

    Raises:
        UsageError: naming the key, and the nearest valid one.
    """
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            near = difflib.get_close_matches(key, names, n=1) or _in_sections(key, hints)
            hint = f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(names)}"
            raise UsageError(f"{where}: unknown key {key!r}{hint}")
        values[key] = _convert(hints[key], value, f"{where}.{key}")
    try:
        return cls(**values)
    except TypeError as error:
        missing = [
            f.name
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
            and f.name not in values
        ]
        raise UsageError(f"{where}: missing {', '.join(missing)}") from error


def _in_sections(key: str, hints: Mapping[str, Any]) -> list[str]:
    """The keys of sections that are called so or nearly so, as ``section.key``."""
    inner = {
        f.name: f"{section}.{f.name}"
        for section, hint in hints.items()
        if dataclasses.is_dataclass(hint)
        for f in dataclasses.fields(hint)
    }
    return [inner[name] for name in difflib.get_close_matches(key, inner, n=1)]


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where}: must be a table, not {value!r}")
        return build(hint, value, where)
    if get_origin(hint) is UnionType:  # a section that may be left out
        return _convert(next(h for h in get_args(hint) if h is not NoneType), value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UsageError(f"{where}: must be one of {list(get_args(hint))}, not {value!r}")
        return value
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if parts[-1] is Ellipsis:
            if not isinstance(value, list):
                raise UsageError(f"{where}: must be a list, not {value!r}")
            return tuple(_convert(parts[0], v, where) for v in value)
        if not isinstance(value, list) or len(value) != len(parts):
            raise UsageError(f"{where}: must be a list of {len(parts)}, not {value!r}")
        return tuple(_convert(h, v, where) for h, v in zip(parts, value, strict=True))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise UsageError(f"{where}: must be a finite number, not {value!r}")
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UsageError(f"{where}: must be of type {hint.__name__}, not {value!r}")
    return value
