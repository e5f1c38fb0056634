"""From a name and arguments, as recipes and weights files hold them, to a network."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from srgan.errors import ModelRefused
from srgan.networks.cscn import CSCN
from srgan.networks.drcn import DRCN
from srgan.networks.eeds import EEDS
from srgan.networks.espcn import ESPCN
from srgan.networks.fsrcnn import FSRCNN
from srgan.networks.johnson import Johnson
from srgan.networks.scn import SCN
from srgan.networks.srcnn import SRCNN
from srgan.networks.srresnet import SRResNet

_NETWORKS: dict[str, type[nn.Module]] = {
    "srresnet": SRResNet,
    "johnson": Johnson,
    "srcnn": SRCNN,
    "espcn": ESPCN,
    "drcn": DRCN,
    "scn": SCN,
    "cscn": CSCN,
    "fsrcnn": FSRCNN,
    "eeds": EEDS,
}


def build(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network, with fresh weights.

    Args:
        architecture: ``"srresnet"``, ``"johnson"``, or one that works on luma
            (:data:`srgan.weights.format.LUMA_ARCHITECTURES`).
        arguments: keywords of its class.

    Raises:
        ModelRefused: an unknown architecture, or arguments that it does not take.
    """
    try:
        network = _NETWORKS[architecture]
    except KeyError:
        raise ModelRefused(
            f"architecture {architecture!r} is unknown; choose one of {', '.join(_NETWORKS)}"
        ) from None
    try:
        return network(**arguments)
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise ModelRefused(
            f"{architecture} cannot be built with {dict(arguments)}: {error}"
        ) from error
