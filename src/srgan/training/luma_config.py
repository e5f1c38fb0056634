"""The recipe of a luma network: SRCNN, ESPCN or DRCN."""

from dataclasses import dataclass, field
from typing import Literal

from srgan.training.config import DataConfig, OptimiserConfig


@dataclass(frozen=True, slots=True)
class LumaNetworkConfig:
    """A network that works on luma; each architecture reads what it knows of these."""

    architecture: Literal["srcnn", "espcn", "drcn"]
    scale: int = 4
    middle: int = 5
    channels: int = 64
    recursions: int = 16
    residual: bool = True


@dataclass(frozen=True, slots=True)
class LumaConfig:
    """A recipe of a luma network, trained for mean squared error."""

    name: str
    updates: int
    network: LumaNetworkConfig
    kind: Literal["luma"] = "luma"
    seed: int = 0
    ema: float = 0.0
    validate_every: int = 1000
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
