"""LPIPS: its layers against PyTorch's, and only published weights."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from srgan.errors import ModelRefused, UsageError
from srgan.metrics import lpips
from srgan.metrics.feature_distance import FeatureDistance
from srgan.metrics.lpips import Tensors, Trunk, layers, load_lpips

torch = pytest.importorskip("torch")
F = torch.nn.functional

SHAPES = {
    "alex": {
        0: (64, 3, 11),
        3: (192, 64, 5),
        6: (384, 192, 3),
        8: (256, 384, 3),
        10: (256, 256, 3),
    },
    "vgg": {
        **{0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3), 10: (256, 128, 3)},
        **{12: (256, 256, 3), 14: (256, 256, 3), 17: (512, 256, 3), 19: (512, 512, 3)},
        **{21: (512, 512, 3), 24: (512, 512, 3), 26: (512, 512, 3), 28: (512, 512, 3)},
    },
}
CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


def _random(trunk: Trunk) -> tuple[Tensors, Tensors]:
    rng = np.random.default_rng(0)
    weights: Tensors = {}
    for number, (out, into, size) in SHAPES[trunk].items():
        deviation = np.sqrt(2.0 / (into * size**2))
        values = rng.normal(0, deviation, (out, into, size, size))
        weights[f"features.{number}.weight"] = values.astype(np.float32)
        weights[f"features.{number}.bias"] = rng.normal(0, 0.1, out).astype(np.float32)
    heads = {
        f"lin{i}.model.1.weight": rng.uniform(0, 1, (1, c, 1, 1)).astype(np.float32)
        for i, c in enumerate(CHANNELS[trunk])
    }
    return weights, heads


def _expected(trunk: Trunk, w: Tensors, heads: Tensors, a: np.ndarray, b: np.ndarray) -> float:
    """The definition, in PyTorch."""
    x = torch.from_numpy(np.stack([a, b]).transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
    x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)) / torch.tensor(
        [0.458, 0.448, 0.450]
    ).view(1, 3, 1, 1)
    stages = {"alex": [[0], [3], [6], [8], [10]]}.get(
        trunk, [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]]
    )
    total = 0.0
    for i, stage in enumerate(stages):
        if trunk == "alex" and i in (1, 2):
            x = F.max_pool2d(x, 3, 2)
        if trunk == "vgg" and i:
            x = F.max_pool2d(x, 2, 2)
        for n in stage:
            stride, padding = (4, 2) if (trunk, n) == ("alex", 0) else (1, 1)
            padding = 2 if (trunk, n) == ("alex", 3) else padding
            weight, bias = (torch.from_numpy(w[f"features.{n}.{k}"]) for k in ("weight", "bias"))
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
        unit = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
        head = torch.from_numpy(heads[f"lin{i}.model.1.weight"])
        total += float(((unit[:1] - unit[1:]).square() * head).sum(1).mean())
    return total


@pytest.mark.parametrize("trunk", ["alex", "vgg"])
def test_the_definition(trunk: Trunk) -> None:
    weights, heads = _random(trunk)
    a, b = np.random.default_rng(1).integers(0, 256, (2, 64, 48, 3), dtype=np.uint8)
    distance = FeatureDistance(layers(trunk, weights, heads), smallest=32)
    assert distance(a, b) == pytest.approx(_expected(trunk, weights, heads, a, b), rel=1e-4)


def _publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trunk: Trunk
) -> tuple[Path, Path, Tensors, Tensors]:
    """Files in the published layouts, and their digests in place of the published ones."""
    weights, heads = _random(trunk)
    rest = {
        "classifier.1.weight": np.zeros((5, 7), np.float32),
        "classifier.1.bias": np.zeros(5, np.float32),
    }
    body, lin = tmp_path / lpips.TRUNKS[trunk], tmp_path / f"{trunk}.pth"
    torch.save({k: torch.from_numpy(v) for k, v in {**weights, **rest}.items()}, body)
    torch.save({k: torch.from_numpy(v) for k, v in heads.items()}, lin)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (body, lin)]
    monkeypatch.setitem(lpips.TRUNKS, trunk, f"{trunk}-{digests[0][:8]}.pth")
    monkeypatch.setitem(lpips.HEADS_SHA256, trunk, digests[1])
    return body, lin, weights, heads


@pytest.mark.parametrize("trunk", ["alex", "vgg"])
def test_files_as_torchvision_and_lpips_publish_them(
    trunk: Trunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, lin, weights, heads = _publish(tmp_path, monkeypatch, trunk)
    distance = load_lpips(trunk, weights=body, heads=lin)
    a, b = np.random.default_rng(2).integers(0, 256, (2, 40, 48, 3), dtype=np.uint8)
    assert distance(a, b) == pytest.approx(_expected(trunk, weights, heads, a, b), rel=1e-4)
    assert distance(a, a) == 0.0
    with pytest.raises(UsageError, match="too small"):
        distance(a[:31], b[:31])


def test_one_changed_byte_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body, lin, _, _ = _publish(tmp_path, monkeypatch, "alex")
    for path, what in ((body, "torchvision's trunk"), (lin, "heads of the package lpips")):
        right = path.read_bytes()
        path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        with pytest.raises(ModelRefused, match=f"{what} as published"):
            load_lpips("alex", weights=body, heads=lin)
        path.write_bytes(right)
    load_lpips("alex", weights=body, heads=lin)


def test_a_trunk_of_other_shapes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, lin, _, _ = _publish(tmp_path, monkeypatch, "alex")
    monkeypatch.setitem(lpips.TRUNKS, "vgg", lpips.TRUNKS["alex"])
    monkeypatch.setitem(lpips.HEADS_SHA256, "vgg", lpips.HEADS_SHA256["alex"])
    with pytest.raises(ModelRefused, match=r"neither holds tensor 'features\.2\.weight'"):
        load_lpips("vgg", weights=body, heads=lin)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "alexnet-owt-7be5be79.pth"
    with pytest.raises(ModelRefused, match="torchvision's trunk for LPIPS is not there"):
        load_lpips("alex", weights=file, heads=file)
    file.write_bytes(b"another trunk")
    with pytest.raises(ModelRefused, match="not torchvision's trunk as published"):
        load_lpips("alex", weights=file, heads=file)
