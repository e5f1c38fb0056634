"""Our networks in every program that reads models by spandrel, such as ComfyUI.

spandrel (https://github.com/chaiNNer-org/spandrel) tells an architecture by the names of the
tensors and knows no SRResNet. :func:`install` adds ours to the registry of all its loaders::

    from srgan.integrations.spandrel import install

    install()
    model = spandrel.ModelLoader().load_from_file("srgan-photo-4x.safetensors")
"""

from collections.abc import Mapping
from math import isqrt
from typing import Any

from srgan.errors import ModelRefused, RuntimeFailed

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise RuntimeFailed("spandrel and its models need PyTorch: pip install torch") from error

from srgan.networks.build import build

_ALWAYS = (
    "head.weight",
    "head_act.weight",
    "blocks.0.conv1.weight",
    "blocks.0.act.weight",
    "blocks.0.conv2.weight",
    "trunk.weight",
    "tail.weight",
)

_SIDE = 48
_GRAYS = (0.25, 0.75)
_TRUST = 0.1
"""How far a flat gray may come out from what it should be, in [0, 1]."""


def install() -> None:
    """Let spandrel load SRResNet and SRGAN files of ours; a second call changes nothing.

    Raises:
        RuntimeFailed: spandrel cannot be imported.
    """
    try:
        from spandrel import MAIN_REGISTRY, ArchSupport
    except Exception as error:  # with a torchvision that does not fit it fails in several ways
        raise RuntimeFailed(
            f"spandrel cannot be imported ({error}); `pip install spandrel`, with the torchvision "
            "that belongs to this PyTorch"
        ) from error
    architecture = SRResNetArchitecture()
    # Ours is told by names that no other has, so it may come first: some others look at few names.
    others = tuple(support.architecture.id for support in MAIN_REGISTRY)
    if architecture.id not in others:
        support = ArchSupport(architecture, architecture.detect, before=others)
        MAIN_REGISTRY.add(support, ignore_duplicates=True)


class SRResNetArchitecture:
    """What spandrel asks of an architecture: an id, a name, ``detect`` and ``load``."""

    id = "SRResNet-srgan"
    name = "SRResNet (srgan)"

    def detect(self, state_dict: Mapping[str, Any]) -> bool:
        """Whether these are the tensors of an SRResNet of ours."""
        if not all(name in state_dict for name in _ALWAYS):
            return False
        head, slope = (_shape(state_dict[name]) for name in ("head.weight", "head_act.weight"))
        return len(head) == 4 and head[1] == 3 and slope == (1,)

    def load(self, state_dict: Mapping[str, Any]) -> Any:
        """The network as a ``spandrel.ImageModelDescriptor``.

        It takes and gives (1, 3, H, W) RGB in [0, 1].

        Raises:
            ModelRefused: the tensors make no network, or one that does not enlarge pictures.
        """
        from spandrel import ImageModelDescriptor

        arguments = arguments_of(state_dict)
        network = build("srresnet", arguments)
        try:
            network.load_state_dict(state_dict)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelRefused(f"the tensors do not make an SRResNet: {reason}") from error
        skip, (low, high) = meaning(network)
        network.skip = skip  # type: ignore[assignment]

        def enlarge(model: nn.Module, image: Tensor) -> Tensor:
            raw: Tensor = model(image)
            return (raw - low) / (high - low)

        return ImageModelDescriptor(
            network,
            dict(state_dict),
            architecture=self,
            purpose="SR",
            tags=[f"{arguments['channels']}nf", f"{arguments['blocks']}nb"],
            supports_half=True,
            supports_bfloat16=True,
            scale=arguments["scale"],
            input_channels=3,
            output_channels=3,
            call_fn=enlarge,
        )


def arguments_of(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of :class:`srgan.networks.srresnet.SRResNet` that the tensors' shapes tell.

    Raises:
        ModelRefused: a shape that no network of ours has.
    """
    try:
        return _arguments(state_dict)
    except (IndexError, KeyError, ZeroDivisionError) as error:
        raise ModelRefused(
            f"the tensors' names or shapes make no SRResNet of ours ({error!r})"
        ) from error


def _arguments(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    channels = _shape(state_dict["head.weight"])[0]
    blocks = {name.split(".")[1] for name in state_dict if name.startswith("blocks.")}
    stages = {name.split(".")[1] for name in state_dict if name.startswith("upscale.")}
    out_maps = _shape(state_dict["tail.weight"])[0]
    scale = 1 if stages else isqrt(out_maps // 3)
    for stage in stages:
        scale *= isqrt(_shape(state_dict[f"upscale.{stage}.conv.weight"])[0] // channels)
    if scale not in (2, 3, 4):
        raise ModelRefused(f"an SRResNet of x{scale} is unknown; srgan has x2, x3 and x4")
    return {
        "scale": scale,
        "channels": channels,
        "blocks": len(blocks),
        "batch_norm": "trunk_norm.weight" in state_dict,
        "direct": not stages,
    }


def meaning(network: nn.Module) -> tuple[str, tuple[float, float]]:
    """What the tensors alone do not tell: the skip, and the range of the network's values.

    The header of our files says both, but spandrel hands over tensors only. Whatever enlarges
    pictures leaves a flat gray as it is; so what the network without a skip makes of two of them
    tells what has to be added.

    Args:
        network: an SRResNet that was built without a skip.

    Returns:
        ``skip`` as an SRResNet takes it, and the raw values that are black and white.

    Raises:
        ModelRefused: it keeps no gray in any of the four ways.
    """
    gray = torch.tensor(_GRAYS).reshape(-1, 1, 1, 1)
    with torch.no_grad():
        raw = network.eval()(gray.expand(-1, 3, _SIDE, _SIDE))
    middle = raw.shape[-1] // 2
    found = raw[..., middle - 4 : middle + 4, middle - 4 : middle + 4].mean((1, 2, 3))
    errors = {}
    for skip in ("none", "bilinear"):
        for low, high in ((0.0, 1.0), (-1.0, 1.0)):
            added = gray.flatten() if skip == "bilinear" else torch.zeros(len(_GRAYS))
            seen = (found + added - low) / (high - low)
            errors[skip, (low, high)] = float((seen - gray.flatten()).abs().max())
    best = min(errors, key=errors.__getitem__)
    if not errors[best] <= _TRUST:
        raise ModelRefused(
            f"this SRResNet turns a flat gray into another by {errors[best]:.2g}, so how its "
            "values are meant cannot be told; train it longer"
        )
    return best


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(getattr(tensor, "shape", ()))
