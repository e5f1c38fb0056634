"""From a name or a file to an upscaler, and every way in which that is refused."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from inference.tiny import tiny
from srgan.classical.interpolation import Interpolation
from srgan.errors import ModelRefused, RuntimeFailed, UsageError
from srgan.export.onnx import export_onnx
from srgan.image.resize import KernelName
from srgan.inference import open as opening
from srgan.inference.network import Network
from srgan.inference.open import (
    MEMORY,
    bytes_per_pixel,
    choose_precision,
    identity,
    load,
    open_network,
    read_model,
)
from srgan.inference.runtimes import choose_device, has_cuda, open_runtime
from srgan.inference.tiles import Tiled
from srgan.weights.format import Header, save_weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    tensors, header = tiny()
    path = tmp_path / "own.safetensors"
    save_weights(path, tensors, replace(header, card={"tile_margin": 9}))
    return path


def test_a_filter_by_name() -> None:
    assert load("lanczos3", scale=3) == Interpolation("lanczos3", 3)


def test_a_weights_file(weights: Path) -> None:
    upscaler = load(weights, tile=20, threads=2)
    assert isinstance(upscaler, Tiled)
    assert (upscaler.scale, upscaler.tile, upscaler.margin, upscaler.workers) == (4, 20, 9, 2)
    assert upscaler(np.zeros((5, 3, 3), np.float32)).shape == (20, 12, 3)
    exact = load(str(weights), exact=True)
    assert isinstance(exact, Tiled)
    assert exact.margin == 12


def test_a_model_whose_margin_was_not_measured_has_one_that_does_not_show(tmp_path: Path) -> None:
    save_weights(tmp_path / "own.safetensors", *tiny())
    upscaler = load(tmp_path / "own.safetensors", tile=8, precision="fp32")
    assert isinstance(upscaler, Tiled)
    picture = np.random.default_rng(0).random((40, 30, 3), dtype=np.float32)
    np.testing.assert_allclose(upscaler(picture), upscaler.upscaler(picture), atol=0.5 / 255)


@pytest.mark.parametrize("network", [{}, {"scale": 2}, {"channels": 16}])
def test_a_tile_with_its_margins_fits_the_memory(network: dict[str, int]) -> None:
    tensors, header = tiny(**network)  # type: ignore[arg-type]
    upscaler = open_network(tensors, header, precision="fp32", threads=1, margin=30)
    taken = (upscaler.tile + 2 * 30) ** 2 * bytes_per_pixel(header, "fp32")
    assert 0.99 < taken / MEMORY <= 1.0


def test_in_a_container_tiles_fit_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, header = tiny(channels=16)

    def taken(limit: float) -> float:
        monkeypatch.setattr("srgan.inference.open.memory", lambda: limit)
        tile = open_network(tensors, header, precision="fp32", threads=1, margin=16).tile
        return (tile + 2 * 16) ** 2 * bytes_per_pixel(header, "fp32")

    assert taken(4e9) == taken(2e9) > 0.99 * MEMORY
    assert 0.98 * 0.75 * 350e6 < taken(500e6) <= 0.75 * 350e6
    assert taken(100e6) == (32 + 2 * 16) ** 2 * bytes_per_pixel(header, "fp32")  # the smallest


def test_memory_grows_with_the_maps_and_the_size_of_the_output() -> None:
    _, header = tiny(channels=64)
    assert bytes_per_pixel(header, "fp32") == 6200  # measured, of the paper's network
    assert bytes_per_pixel(header, "bf16") == 3300
    assert bytes_per_pixel(tiny(channels=32)[1], "fp32") == 3100
    assert bytes_per_pixel(tiny(channels=64, scale=2)[1], "fp32") == 1550

    def luma(name: str, arguments: dict[str, int]) -> int:
        return bytes_per_pixel(Header(name, arguments, arguments["scale"]), "fp32")

    assert luma("vdsr", {"scale": 2, "channels": 64}) == 4 * luma("espcn", {"scale": 2})
    assert luma("scn", {"scale": 4, "atoms": 32}) == 4 * luma("scn", {"scale": 2, "atoms": 32})
    assert luma("fsrcnn", {"scale": 4, "channels": 64}) == luma("espcn", {"scale": 2})


@pytest.mark.parametrize("name", ["RealESRGAN_x4plus.pth", "./net.ckpt"])
def test_weights_of_other_programs_are_told_as_such(name: str) -> None:
    with pytest.raises(ModelRefused, match="can run code when it is read"):
        load(name)


def test_a_file_whose_tensors_do_not_fit_is_named(tmp_path: Path) -> None:
    tensors, header = tiny()
    path = tmp_path / "own.safetensors"
    save_weights(path, {**tensors, "extra": np.zeros(3, np.float32)}, header)
    for use in (load, lambda file: export_onnx(file, tmp_path / "own.onnx")):
        with pytest.raises(ModelRefused, match=r"own\.safetensors: tensor extra is unknown"):
            use(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "there is no model 'nothing'"),
        ("nothing.safetensors", r"^nothing\.safetensors: there is no such weights file"),
        ("folder/nothing", "^folder/nothing: there is no such weights file"),
    ],
)
def test_an_unknown_model_is_refused(name: str, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        load(name)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"threads": 0}, "--threads must be at least 1, not 0"),
        ({"scale": 0}, "scale must be at least 1, not 0"),
        ({"realism": 1.5}, "--realism must lie between 0 and 1, not 1.5"),
        ({"realism": 0.5}, "--realism is a dial of"),
        ({"tile": 0}, "--tile must be auto or at least 1 pixel, not 0"),
        ({"tile": "big"}, "--tile must be auto or at least 1 pixel, not big"),
        ({"precision": "fp8"}, "precision 'fp8' is unknown"),
        ({"device": "abacus"}, "device 'abacus' is unknown"),
    ],
)
def test_arguments_without_meaning_are_refused(
    weights: Path, bad: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load(weights, **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"device": "abacus"}, "is unknown; it is auto"),
        ({"precision": "fp8"}, "is unknown; it is auto"),
        ({"realism": 0.5}, "--realism is a dial of"),
    ],
)
@pytest.mark.parametrize("name", ["bicubic", "nedi"])
def test_a_filter_refuses_what_there_is_not_too(
    name: str, bad: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load(name, **bad)  # type: ignore[arg-type]


def test_realism_blends_two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(["srresnet", "srgan", "srgan-photo", "srresnet-photo"]):
        tensors, header = tiny(seed=seed)
        card = {"tile_margin": 10 + seed, "realism": (1.0, 0.8, 0.5, 1.0)[seed]}
        save_weights(tmp_path / f"{name}.safetensors", tensors, replace(header, card=card))
    monkeypatch.setattr(opening, "weights_file", lambda name: tmp_path / f"{name}.safetensors")
    image = np.random.default_rng(0).random((6, 6, 3), dtype=np.float32)
    calm, half, own, full = (load("srgan", realism=r)(image) for r in (0.0, 0.5, 0.8, 1.0))
    np.testing.assert_allclose(calm, load("srresnet")(image), atol=1e-6)
    np.testing.assert_allclose(own, load("srgan")(image), atol=1e-6)
    assert 0.01 < np.abs(half - calm).max() < np.abs(own - calm).max() < np.abs(full - calm).max()
    assert load("srgan", realism=0.5).margin == 11  # type: ignore[attr-defined]
    photo = load("srgan-photo", realism=0.5)(image)
    np.testing.assert_allclose(photo, load("srgan-photo")(image), atol=1e-6)
    assert np.abs(photo - half).max() > 0.01
    faithful = load("srgan-photo", realism=0.0)(image)
    np.testing.assert_allclose(faithful, load("srresnet-photo")(image), atol=1e-6)
    assert identity("srgan-photo", 0.5) != identity("srgan", 0.5) == identity("srresnet", 0.5)
    assert identity("srgan", 0.5) != identity("srgan", 0.6)
    with pytest.raises(UsageError, match="dial of srresnet, srgan, srresnet-photo, srgan-photo"):
        load(tmp_path / "srgan.safetensors", realism=0.5)


def test_a_mixture_has_the_precisions_that_both_were_checked_for_but_int8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "weights_file", lambda name: tmp_path / f"{name}.safetensors")

    def save(name: str, precisions: list[str], **network: int) -> None:
        tensors, header = tiny(**network)  # type: ignore[arg-type]
        card = {"precisions": precisions}
        save_weights(tmp_path / f"{name}.safetensors", tensors, replace(header, card=card))

    for calm, sharp, both in (
        (["bf16", "int8"], ["bf16", "int8"], ["bf16"]),
        (["bf16"], [], []),
        ([], ["bf16"], []),
    ):
        save("srresnet", calm)
        save("srgan", sharp, seed=1)
        assert read_model("srgan", 0.5)[1].card["precisions"] == both
    save("srgan", [], blocks=1)
    with pytest.raises(ModelRefused, match="srresnet and srgan differ in their networks"):
        read_model("srgan", 0.5)


def test_bf16_is_taken_only_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    _, header = tiny()
    checked = replace(header, card={"precisions": ["bf16"]})
    monkeypatch.setattr(opening, "native_bf16", lambda: True)
    monkeypatch.setattr(opening, "fast_bf16", lambda: True)
    assert choose_precision("auto", header, "cpu") == "fp32"
    assert choose_precision("auto", checked, "cpu") == "bf16"
    assert choose_precision("auto", checked, "cuda") == "fp32"
    assert choose_precision("bf16", header, "cpu") == "bf16"
    monkeypatch.setattr(opening, "fast_bf16", lambda: False)
    assert choose_precision("auto", checked, "cpu") == "fp32"
    assert choose_precision("bf16", checked, "cpu") == "bf16"
    monkeypatch.setattr(opening, "native_bf16", lambda: False)
    assert choose_precision("auto", checked, "cpu") == "fp32"
    with pytest.raises(UsageError, match="bf16"):
        choose_precision("bf16", checked, "cpu")


def test_a_gpu_has_only_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "native_bf16", lambda: True)
    checked = replace(tiny()[1], card={"precisions": ["bf16", "int8"]})
    assert choose_precision("fp32", checked, "cuda") == "fp32"
    for precision in ("bf16", "int8"):
        assert choose_precision(precision, checked, "cpu") == precision
        with pytest.raises(UsageError, match=f"{precision} .*use --precision auto"):
            choose_precision(precision, checked, "cuda")
    with pytest.raises(UsageError, match="a model that was found good enough in it"):
        choose_precision("int8", tiny()[1], "cpu")


@pytest.mark.skipif(has_cuda(), reason="says what happens without a GPU, and there is one")
def test_without_a_gpu_asking_for_it_fails_clearly() -> None:
    assert choose_device("auto") == "cpu"
    with pytest.raises(RuntimeFailed, match="--device cpu"):
        choose_device("cuda")


def test_values_that_are_no_picture_are_never_given_out() -> None:
    tensors, header = tiny()
    tensors["tail.bias"][0] = np.nan
    network = open_network(tensors, header, precision="fp32", threads=1)
    with pytest.raises(RuntimeFailed, match="NaN"):
        network(np.zeros((4, 4, 3), np.float32))


def test_a_low_precision_that_overflows_is_repeated_in_fp32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def fake(model: bytes, *, precision: str, **_: object) -> object:
        asked.append(precision)
        value = np.inf if precision == "bf16" else 0.25
        return lambda batch: np.full((1, 3, 8, 8), value, np.float32)

    monkeypatch.setattr("srgan.inference.network.open_runtime", fake)
    network = Network(lambda _: b"", scale=4, device="cpu", precision="bf16", threads=1)
    for _ in range(2):
        np.testing.assert_array_equal(network(np.zeros((2, 2, 3), np.float32)), 0.25)
    assert asked == ["bf16", "fp32"]


def test_a_damaged_graph_fails_clearly() -> None:
    with pytest.raises(RuntimeFailed):
        open_runtime(b"no graph", device="cpu", precision="fp32", threads=1)


def test_every_method_before_networks_is_opened_by_what_the_lists_say_of_it() -> None:
    from srgan.classical.methods import METHODS, UNLEARNED
    from srgan.weights.catalog import FILTERS, SEARCHES
    from srgan.weights.format import CLASSICAL

    assert set(CLASSICAL) == METHODS.keys()
    without_weights = {m.name for m in (*FILTERS, *SEARCHES)}
    assert without_weights == {*get_args(KernelName), *UNLEARNED}
