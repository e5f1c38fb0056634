"""Muon against what is said of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from srgan.training import pretrain as pretrain_module
from srgan.training.config import PretrainConfig
from srgan.training.muon import Muon, orthogonal
from srgan.training.pretrain import pretrain
from srgan.weights.format import load_weights
from training.tiny import digest

Pixel = Callable[..., PretrainConfig]


@pytest.mark.parametrize(("dtype", "stray"), [(torch.float32, 1e-3), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (12, 12)])
def test_singular_values_are_brought_to_one(
    shape: tuple[int, int], dtype: torch.dtype, stray: float
) -> None:
    torch.manual_seed(0)
    matrices, turns = [], []
    for _ in range(3):
        u, _, vh = torch.linalg.svd(torch.randn(shape), full_matrices=False)
        matrices.append(u @ torch.diag(torch.logspace(0, -1, min(shape))) @ vh)
        turns.append((u, vh))
    many = orthogonal(torch.stack([matrices[0], 100.0 * matrices[1], matrices[2]]), dtype)
    assert many.shape == (3, *shape)
    assert many.dtype == torch.float32
    for near, (u, vh) in zip(many, turns, strict=True):
        # The same directions, in each of which it is about as long.
        along = u.T @ near @ vh.T
        assert 0.6 < along.diag().min() < along.diag().max() < 1.3
        assert (along - torch.diag(along.diag())).abs().max() < stray


def test_a_kernel_moves_as_far_as_by_adam_and_a_bias_as_by_adam() -> None:
    torch.manual_seed(0)
    conv, twin = nn.Conv2d(8, 16, 3), nn.Conv2d(8, 16, 3)
    twin.load_state_dict(conv.state_dict())
    muon, adam = Muon(conv.parameters(), lr=1e-3), torch.optim.Adam(twin.parameters(), lr=1e-3)
    before = conv.weight.detach().clone()
    x = torch.randn(4, 8, 9, 9)
    for network, optimiser in ((conv, muon), (twin, adam)):
        network(x).square().mean().backward()
        optimiser.step()
    assert torch.equal(conv.bias, twin.bias)
    moved = (conv.weight.detach() - before).reshape(16, -1)
    # 0.2 * rate in the root mean square, and no direction favoured: so do 16 random unit vectors.
    assert moved.square().mean().sqrt().item() == pytest.approx(2e-4, rel=0.15)
    values = torch.linalg.svdvals(moved)
    assert values.max() < 2 * values.min()
    assert conv.weight.grad is not None


def test_it_finds_what_small_gradients_hide() -> None:
    """A quadratic whose directions differ a thousandfold, turned so that Adam cannot see them."""
    torch.manual_seed(0)
    turn = torch.linalg.qr(torch.randn(36, 36))[0]
    slope = turn @ torch.diag(torch.logspace(0, -3, 36)) @ turn.T
    target = torch.randn(4, 36)

    def left(kind: type[torch.optim.Adam]) -> float:
        kernel = nn.Parameter(torch.zeros(4, 4, 3, 3))
        optimiser = kind([kernel], lr=0.05)
        for update in range(400):
            optimiser.param_groups[0]["lr"] = 0.05 * (1 - update / 400)
            optimiser.zero_grad()
            error = kernel.reshape(4, -1) - target
            (error @ slope * error).sum().backward()
            optimiser.step()
        return float((kernel.detach().reshape(4, -1) - target).square().mean())

    assert left(Muon) < 0.8 * left(torch.optim.Adam)


def test_a_run_resumes_in_the_same_bits_and_changes_its_method(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = pretrain_config(updates=6, method="muon")
    before, _ = load_weights(pretrain(config, data=[pack], out=tmp_path / "whole", device="cpu"))
    calls = 0
    follow = pretrain_module.follow

    def breaks(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        follow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain_module, "follow", breaks)
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, data=[pack], out=tmp_path / "broken", device="cpu")
    monkeypatch.undo()
    pretrain(config, data=[pack], out=tmp_path / "broken", device="cpu", resume=True)
    assert digest(tmp_path / "broken") == digest(tmp_path / "whole")

    by_adam = pretrain_config(updates=8)
    last = pretrain(by_adam, data=[pack], out=tmp_path / "whole", device="cpu", resume=True)
    after, _ = load_weights(last)
    change = max(abs(after[name] - before[name]).max() for name in before)
    assert 0 < change < 0.01
