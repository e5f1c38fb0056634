"""VGG: layer names, conventions, and files that must be refused."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from networks.layout import torchvision_vgg19
from srgan.errors import ModelRefused, UsageError
from srgan.networks import vgg as vgg_module
from srgan.networks.vgg import BLOCKS, VGG, load_vgg


def _random_caffe(path: Path, blocks: int = 1) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    arrays, channels = {}, 3
    for b, count in enumerate(BLOCKS["vgg16"][:blocks], start=1):
        for c in range(1, count + 1):
            maps = min(64 * 2 ** (b - 1), 512)
            arrays[f"conv{b}_{c}.weight"] = draw.normal(0, 0.05, (maps, channels, 3, 3))
            arrays[f"conv{b}_{c}.bias"] = draw.normal(0, 1, maps)
            channels = maps
    np.savez(path, **{k: v.astype(np.float16) for k, v in arrays.items()})
    return arrays


def test_layers_have_the_shapes_of_their_blocks() -> None:
    vgg = VGG("vgg16", ["conv1_2", "conv3_3"])
    assert [tuple(f.shape) for f in vgg(torch.rand(1, 3, 32, 24))] == [
        (1, 64, 32, 24),
        (1, 256, 8, 6),
    ]


def test_the_network_ends_at_the_deepest_layer_asked_for() -> None:
    assert list(VGG("vgg19", ["conv2_2", "conv1_1"]).convs) == [
        "conv1_1",
        "conv1_2",
        "conv2_1",
        "conv2_2",
    ]


def test_the_papers_layer_of_vgg19_exists_and_vgg16_says_that_it_has_none() -> None:
    with torch.device("meta"):
        assert len(VGG("vgg19", ["conv5_4"]).convs) == 16
    with pytest.raises(UsageError, match="vgg16 has no layer 'conv5_4'"):
        VGG("vgg16", ["conv5_4"])


def test_activated_features_are_the_relu_of_the_others() -> None:
    torch.manual_seed(0)
    after, before = VGG("vgg16", ["conv1_2"]), VGG("vgg16", ["conv1_2"], activated=False)
    before.load_state_dict(after.state_dict())
    x = torch.rand(1, 3, 8, 8)
    raw = before(x)[0]
    assert float(raw.min()) < 0
    assert torch.equal(after(x)[0], raw.relu())


def test_caffe_weights_read_bgr_from_0_to_255_less_the_mean(tmp_path: Path) -> None:
    arrays = _random_caffe(tmp_path / "vgg.npz")
    x = torch.rand(1, 3, 8, 8)
    bgr = x.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    weight = torch.from_numpy(arrays["conv1_1.weight"].astype(np.float16).astype(np.float32))
    bias = torch.from_numpy(arrays["conv1_1.bias"].astype(np.float16).astype(np.float32))
    wanted = F.conv2d(bgr, weight, bias, padding=1).relu()
    found = load_vgg("vgg16", tmp_path / "vgg.npz", ["conv1_1"])(x)[0]
    assert torch.allclose(found, wanted, atol=1e-3, rtol=1e-4)


def test_torchvision_weights_read_imagenet_statistics(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = torchvision_vgg19()
    assert sum(tensor.numel() for tensor in state.values()) == 143_667_240  # as published
    state["features.0.weight"], state["features.0.bias"] = torch.randn(64, 3, 3, 3), torch.randn(64)
    torch.save(state, tmp_path / "vgg19.pth")
    vgg = load_vgg("vgg19", tmp_path / "vgg19.pth", ["conv1_1", "conv5_4"])
    x = torch.rand(1, 3, 16, 16)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    first, last = vgg(x)
    wanted = F.conv2d(normal, state["features.0.weight"], state["features.0.bias"], padding=1)
    assert torch.allclose(first, wanted.relu(), atol=1e-4)
    # torchvision's conv5_4 is features.34; its ReLU is features.35.
    assert float(last.min()) == float(last.max()) == 34.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_published_file_is_fetched_once_and_checked(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    state = torchvision_vgg19() | {"features.0.weight": torch.randn(64, 3, 3, 3)}
    torch.save(state, folder / "vgg19-dcbb9e9d.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(vgg_module, "VGG19_URL", f"{address}/vgg19-dcbb9e9d.pth")
    found = hashlib.sha256((folder / "vgg19-dcbb9e9d.pth").read_bytes()).hexdigest()
    with pytest.raises(ModelRefused, match=f"dcbb9e9dad569fff.*{found}") as caught:
        load_vgg("vgg19", "", ["conv1_1"])
    assert "\n" not in str(caught.value)
    kept = tmp_path / "hub" / "checkpoints"
    assert list(kept.iterdir()) == []

    monkeypatch.setitem(vgg_module.SHA256, "vgg19-dcbb9e9d.pth", found)
    fetched = load_vgg("vgg19", "", ["conv1_1"])
    assert torch.equal(fetched.convs["conv1_1"].weight, state["features.0.weight"])
    (folder / "vgg19-dcbb9e9d.pth").unlink()
    load_vgg("vgg19", "", ["conv5_4"])  # the kept one
    (kept / "vgg19-dcbb9e9d.pth").unlink()
    with pytest.raises(ModelRefused, match=r"404.*--set content.file=PATH"):
        load_vgg("vgg19", "", ["conv1_1"])


def test_a_missing_damaged_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"vgg16-397923af\.pth: --set content\.file=PATH"):
        load_vgg("vgg16", "", ["conv1_1"])
    with pytest.raises(ModelRefused, match="no such file"):
        load_vgg("vgg16", tmp_path / "none.npz", ["conv1_1"])
    _random_caffe(tmp_path / "short.npz")
    with pytest.raises(ModelRefused, match="does not hold vgg16's convolutions"):
        load_vgg("vgg16", tmp_path / "short.npz", ["conv2_2"])
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"half a download")
    with pytest.raises(
        ModelRefused, match=r"damaged: its sha256 is [0-9a-f]{64}, not dcbb9e9dad569fff"
    ):
        load_vgg("vgg19", tmp_path / "vgg19-dcbb9e9d.pth", ["conv1_1"])
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(ModelRefused, match="does not hold"):
        load_vgg("vgg19", tmp_path / "junk.pth", ["conv1_1"])


def test_the_published_vgg16_knows_natural_pictures(shared: Path) -> None:
    vgg = load_vgg(
        "vgg16", shared / "data/features/vgg16_imagenet_conv_fp16.npz", ["conv1_2", "conv2_2"]
    )
    x = torch.full((1, 3, 32, 32), 0.5)
    edge = x.clone()
    edge[..., 16:] = 0.9
    flat_far, edge_far = vgg(x)[1][..., 4:-4, 2:5], vgg(edge)[1][..., 4:-4, 7:9]
    assert float(edge_far.std(1).mean()) > 2 * float(flat_far.std(1).mean())
