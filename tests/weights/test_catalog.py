"""The list of models."""

from pathlib import Path

import numpy as np
import pytest

from srgan.errors import ModelRefused
from srgan.evaluation.benchmark import enlarge
from srgan.evaluation.cost import parameters_of
from srgan.evaluation.datasets import find, read
from srgan.image.colour import luma
from srgan.inference.open import load
from srgan.metrics.psnr import psnr
from srgan.weights.catalog import DEFAULT, DIALS, NETWORKS, models, weights_file
from srgan.weights.format import load_weights, read_header


def test_names_are_unique_and_filters_always_there() -> None:
    names = [m.name for m in models()]
    assert len(set(names)) == len(names)
    assert {"nearest", "bilinear", "bicubic", "lanczos2", "lanczos3"} <= set(names)


def test_a_shipped_network_is_what_the_catalog_says() -> None:
    listed = {model.name: model for model in models()}
    for name in (row.name for row in NETWORKS):
        tensors, header = load_weights(weights_file(name))
        assert header.scale == listed[name].scale
        assert parameters_of(tensors) == listed[name].parameters
    assert listed["scn"].luma
    assert listed["espcn"].luma
    assert not listed["johnson"].luma
    assert not listed["zeyde"].luma


def test_earlier_networks_are_nobodys_default() -> None:
    earlier = {m.name for m in NETWORKS if m.earlier}
    assert {"johnson", "scn", "cscn"} <= earlier
    assert DEFAULT not in earlier
    assert not earlier & {name for pair in DIALS.values() for name in pair}


@pytest.mark.parametrize("name", ["johnson", "cscn"])
def test_the_weights_have_their_cards_figure_on_set5(name: str, shared: Path) -> None:
    upscaler = load(name, precision="fp32", threads=1)
    found = []
    for entry in find(shared / "data" / "test", ["Set5"], scale=4):
        sample = read(entry, scale=4)
        sr = enlarge(upscaler, sample.lr)
        found.append(psnr(luma(sr), luma(sample.hr), data_range=255, border=4))
    figures = read_header(weights_file(name)).card["figures"]["Set5"]
    assert np.mean(found) == pytest.approx(figures["psnr_y"], abs=0.01)


def test_a_filter_has_no_weights() -> None:
    with pytest.raises(ModelRefused, match=r"bicubic has no weights.*srresnet") as error:
        weights_file("bicubic")
    assert "zeyde" not in str(error.value)  # a dictionary, which `srgan export` would refuse next


def test_a_method_that_is_to_be_fitted_says_how() -> None:
    with pytest.raises(ModelRefused, match="srgan fit jor --data PHOTOS"):
        weights_file("jor")
    assert weights_file("gr").name == "zeyde.safetensors"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelRefused, match=r"bicubic.*\.safetensors"):
        weights_file("bicubik")
