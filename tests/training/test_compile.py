"""What CUDA graphs want of the compiled networks, told by the traced graphs on a CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch._guards import TracingContext

from srgan.losses.adversarial import judgements
from srgan.networks.discriminator import (
    Discriminator,
    FeatureDiscriminator,
    PooledDiscriminator,
    UNetDiscriminator,
)
from srgan.networks.johnson import Johnson
from srgan.networks.srresnet import SRResNet
from srgan.training import watch
from srgan.training.config import GanConfig, PretrainConfig
from srgan.training.gan import train_gan
from srgan.training.pretrain import pretrain
from srgan.training.readings import Readings
from training.tiny import digest

LR, HR = (1, 3, 8, 8), (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (SRResNet(channels=2, blocks=1), [LR]),
        (SRResNet(channels=2, blocks=1, batch_norm=False, skip="bilinear", direct=True), [LR]),
        (Johnson(channels=2, blocks=1), [LR]),
        (Discriminator(crop=32, channels=2), [HR]),
        (PooledDiscriminator(channels=2), [HR]),
        (UNetDiscriminator(channels=2), [HR]),
        (FeatureDiscriminator([2, 4], channels=2), [(1, 2, 8, 8), (1, 4, 8, 8)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_network_is_one_graph_that_changes_only_what_stays_in_its_place(
    network: nn.Module, shapes: list[tuple[int, ...]]
) -> None:
    changed: list[set[int]] = []

    def graph(module: torch.fx.GraphModule, inputs: list[Tensor]) -> object:
        context = TracingContext.get().fw_metadata
        assert context is not None
        moving = {i for i, info in enumerate(context.input_info) if info.mutates_data}
        changed.append(moving - set(context.static_input_indices))
        return make_boxed_func(module)

    torch.compiler.reset()
    inputs = [torch.rand(shape) for shape in shapes]
    seen = inputs if isinstance(network, FeatureDiscriminator) else inputs[0]
    places = {name: buffer.data_ptr() for name, buffer in network.named_buffers()}
    run = torch.compile(network, backend=aot_autograd(fw_compiler=graph), fullgraph=True)
    for _ in range(2):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = run(seen)
        torch.stack([y.float().mean() for y in judgements(made)]).sum().backward()
    assert changed[0] == set()  # of what the graph writes to, nothing may lie elsewhere next time
    assert {name: buffer.data_ptr() for name, buffer in network.named_buffers()} == places


@pytest.mark.parametrize("judge", ["unet", "features"])
def test_nothing_that_the_next_replay_overwrites_is_read_after_it(
    judge: str,
    pack: Path,
    tmp_path: Path,
    pretrain_config: Callable[..., PretrainConfig],
    gan_config: Callable[..., GanConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks: list[nn.Module] = []
    made: list[Tensor] = []
    begun: list[int] = []

    def compiled(network: nn.Module, mode: str) -> Callable[..., Any]:
        assert mode == "reduce-overhead"
        networks.append(network)

        def run(image: Any) -> Any:
            result = network(image)
            made.extend(result if isinstance(result, list) else [result])
            return result

        return run

    def replay() -> None:
        # Results and gradients lie in the graphs' own memory.
        found = [p.grad for network in networks for p in network.parameters()]
        for tensor in [*made, *(g for g in found if g is not None)]:
            tensor.data.fill_(torch.nan)
        begun.append(len(made))
        made.clear()

    def device(compile: str) -> dict[str, Any]:
        return {"compile": compile, "deterministic": True}

    def config(compile: str, start: Path) -> GanConfig:
        game = {"discriminator": judge, "channels": 4, "game": "relativistic"}
        options = {"start": str(start), "adversarial": game, "method": "muon"}
        return gan_config(device=device(compile), **options)

    monkeypatch.setattr(watch, "Readings", lambda late: Readings(late=True))  # as on a GPU
    start = pretrain(
        pretrain_config(device=device("off")), data=[pack], out=tmp_path / "p0", device="cpu"
    )
    train_gan(config("off", start), data=[pack], out=tmp_path / "g0", device="cpu")
    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", replay)
    pretrain(
        pretrain_config(device=device("graphs")), data=[pack], out=tmp_path / "p1", device="cpu"
    )
    assert begun == [1, 1, 1, 1]  # the first is the pre-flight's
    begun.clear()
    networks.clear()
    made.clear()
    train_gan(config("graphs", start), data=[pack], out=tmp_path / "g1", device="cpu")
    assert len(begun) == 4
    assert min(begun[1:]) >= 4  # the generator's result, and what is thought of HR and twice of it
    assert digest(tmp_path / "p0") == digest(tmp_path / "p1")
    assert digest(tmp_path / "g0") == digest(tmp_path / "g1")
