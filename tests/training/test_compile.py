"""What CUDA graphs want of the compiled networks, told by the traced graphs on a CPU."""

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
