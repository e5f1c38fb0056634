"""Our architecture in spandrel's registry: a fake one everywhere, the real one where it imports."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inference.tiny import tiny  # noqa: E402
from srgan.errors import ModelRefused, RuntimeFailed  # noqa: E402
from srgan.inference.open import load  # noqa: E402
from srgan.integrations.spandrel import (  # noqa: E402
    SRResNetArchitecture,
    arguments_of,
    install,
    meaning,
)
from srgan.networks.srresnet import SRResNet  # noqa: E402
from srgan.weights.catalog import weights_file  # noqa: E402
from srgan.weights.format import load_weights  # noqa: E402

COMFYUI = Path(__file__).resolve().parents[2] / "examples" / "comfyui" / "__init__.py"


class FakeSupport:
    def __init__(self, architecture: Any, detect: Any, before: tuple[str, ...] = ()) -> None:
        self.architecture, self.detect, self.before = architecture, detect, before


class FakeRegistry(list[FakeSupport]):
    def add(self, *supports: FakeSupport, ignore_duplicates: bool = False) -> None:
        self.extend(supports)


class FakeDescriptor:
    def __init__(self, model: Any, state_dict: Any, *, call_fn: Any, **facts: Any) -> None:
        model.load_state_dict(state_dict)
        self.model, self.call, self.facts = model, call_fn, facts


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake: Any = ModuleType("spandrel")
    fake.MAIN_REGISTRY = FakeRegistry()
    fake.MAIN_REGISTRY.add(FakeSupport(SimpleNamespace(id="Compact"), lambda state: True))
    fake.ArchSupport, fake.ImageModelDescriptor = FakeSupport, FakeDescriptor
    monkeypatch.setitem(sys.modules, "spandrel", fake)
    return fake.MAIN_REGISTRY  # type: ignore[no-any-return]


def tensors_of(name: str) -> dict[str, Any]:
    tensors, _ = load_weights(weights_file(name))
    return {key: torch.from_numpy(array) for key, array in tensors.items()}


def gray_keeper(gain: float, offset: float, *, direct: bool = False) -> SRResNet:
    """A network whose raw values are ``gain`` times the input, enlarged, plus ``offset``."""
    network = SRResNet(scale=2, channels=4, blocks=1, batch_norm=False, direct=direct)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        middle = network.head.kernel_size[0] // 2
        for colour in range(3):
            network.head.weight[colour, colour, middle, middle] = 1.0
            cells = slice(4 * colour, 4 * colour + 4)
            if direct:
                network.tail.weight[cells, colour, 1, 1] = gain
            else:
                network.upscale[0].conv.weight[cells, colour, 1, 1] = 1.0
                network.tail.weight[colour, colour, 4, 4] = gain
        network.tail.bias.fill_(offset)
    return network


def test_it_is_added_once_and_before_the_others(registry: FakeRegistry) -> None:
    install()
    install()
    assert [support.architecture.id for support in registry] == ["Compact", "SRResNet-srgan"]
    assert registry[1].before == ("Compact",)


def test_the_comfyui_folder_installs_it(registry: FakeRegistry) -> None:
    found = runpy.run_path(str(COMFYUI))
    assert len(registry) == 2
    assert found["NODE_CLASS_MAPPINGS"] == {}


@pytest.mark.parametrize("broken", [None, ModuleType("spandrel")])
def test_a_spandrel_that_does_not_import_is_one_line(
    monkeypatch: pytest.MonkeyPatch, broken: ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", broken)
    with pytest.raises(RuntimeFailed, match="pip install spandrel"):
        install()


def test_only_our_own_files_are_taken_for_ours() -> None:
    detect = SRResNetArchitecture().detect
    ours = {key: torch.from_numpy(array) for key, array in tiny(batch_norm=True)[0].items()}
    assert detect(ours)
    assert detect(tensors_of("fast"))
    assert not detect(tensors_of("espcn"))
    assert not detect({key: value for key, value in ours.items() if key != "head_act.weight"})
    assert not detect({**ours, "head_act.weight": torch.zeros(64)})
    assert not detect({**ours, "head.weight": torch.zeros(8, 1, 9, 9)})
    assert not detect({**ours, "head.weight": "text"})
    assert not detect({"params": ours})


@pytest.mark.parametrize(
    "network",
    [
        {"scale": 2, "blocks": 3},
        {"scale": 3, "channels": 5, "batch_norm": True},
        {"scale": 4},
        {"scale": 4, "direct": True},
        {"scale": 3, "direct": True, "channels": 7},
    ],
)
def test_shapes_tell_the_arguments(network: dict[str, Any]) -> None:
    tensors, header = tiny(**network)
    found = arguments_of(tensors)
    assert found == {key: header.arguments[key] for key in found}
    assert len(found) == len(header.arguments) - 1  # all but the skip


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("head.weight", torch.zeros(0, 3, 9, 9)),
        ("upscale.0.conv.weight", torch.zeros(())),
        ("upscale.", torch.zeros(1)),
        ("blocks.", torch.zeros(1)),
    ],
)
def test_crafted_tensors_are_refused(registry: FakeRegistry, name: str, tensor: Any) -> None:
    state = SRResNet(scale=4, channels=4, blocks=1).state_dict()
    with pytest.raises(ModelRefused):
        SRResNetArchitecture().load({**state, name: tensor})


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(
    ("gain", "offset", "expected"),
    [
        (1.0, 0.0, ("none", (0.0, 1.0))),
        (2.0, -1.0, ("none", (-1.0, 1.0))),
        (0.0, 0.0, ("bilinear", (0.0, 1.0))),
        (1.0, -1.0, ("bilinear", (-1.0, 1.0))),
        (0.9, 0.04, ("none", (0.0, 1.0))),
    ],
)
def test_two_grays_tell_skip_and_range(
    direct: bool, gain: float, offset: float, expected: tuple[str, tuple[float, float]]
) -> None:
    assert meaning(gray_keeper(gain, offset, direct=direct)) == expected


def test_a_network_that_keeps_no_gray_is_refused() -> None:
    with pytest.raises(ModelRefused, match="flat gray"):
        meaning(gray_keeper(1.0, 0.4))


@pytest.mark.parametrize("name", ["srgan-photo", "fast"])
def test_a_published_file_gives_what_it_gives_here(registry: FakeRegistry, name: str) -> None:
    tensors = tensors_of(name)
    found = SRResNetArchitecture().load(tensors)
    image = np.random.default_rng(0).random((7, 12, 3), dtype=np.float32)
    expected = load(name, precision="fp32", threads=1)(image)
    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
    with torch.no_grad():
        out = found.call(found.model, batch)[0].numpy().transpose(1, 2, 0)
    assert np.abs(out - expected).max() < 1e-4
    assert found.facts["scale"] == 4
    assert found.facts["tags"] == (["32nf", "4nb"] if name == "fast" else ["64nf", "16nb"])


def test_the_range_of_the_paper_becomes_that_of_pictures(registry: FakeRegistry) -> None:
    state = gray_keeper(2.0, -1.0).state_dict()
    found = SRResNetArchitecture().load(state)
    out = found.call(found.model, torch.full((1, 3, 6, 6), 0.25))
    assert torch.allclose(out, torch.full((1, 3, 12, 12), 0.25), atol=1e-6)
    with pytest.raises(ModelRefused, match="do not make an SRResNet"):
        SRResNetArchitecture().load({**state, "tail.bias": torch.zeros(4)})
    with pytest.raises(ModelRefused, match="x5"):
        SRResNetArchitecture().load({**state, "upscale.0.conv.weight": torch.zeros(100, 4, 3, 3)})


def test_the_real_spandrel_loads_our_files() -> None:
    try:
        import spandrel
    except Exception as error:
        pytest.skip(f"spandrel, which needs a torchvision that imports, is not there: {error}")
    install()
    tensors = tensors_of("fast")
    others = [s for s in spandrel.MAIN_REGISTRY if s.architecture.id != "SRResNet-srgan"]
    assert [s.architecture.id for s in others if s.detect(tensors)] == []
    model = spandrel.ModelLoader().load_from_file(weights_file("fast"))
    assert isinstance(model, spandrel.ImageModelDescriptor)
    assert (model.scale, model.architecture.name) == (4, "SRResNet (srgan)")
    image = np.random.default_rng(0).random((9, 12, 3), dtype=np.float32)
    expected = load("fast", precision="fp32", threads=1)(image).clip(0, 1)
    out = model(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])[0].numpy()
    assert np.abs(out.transpose(1, 2, 0) - expected).max() < 1e-4
