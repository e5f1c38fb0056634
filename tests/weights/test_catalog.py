"""The list of models."""

import pytest

from srgan.errors import ModelRefused
from srgan.evaluation.cost import parameters_of
from srgan.weights.catalog import NETWORKS, models, weights_file
from srgan.weights.format import load_weights


def test_names_are_unique_and_filters_always_there() -> None:
    names = [m.name for m in models()]
    assert len(set(names)) == len(names)
    assert {"nearest", "bilinear", "bicubic", "lanczos2", "lanczos3"} <= set(names)


def test_a_shipped_network_is_what_the_catalog_says() -> None:
    for model in NETWORKS:
        tensors, header = load_weights(weights_file(model.name))
        assert header.scale == model.scale
        assert parameters_of(tensors) == model.parameters


def test_a_filter_has_no_weights() -> None:
    with pytest.raises(ModelRefused, match=r"bicubic has no weights.*srresnet"):
        weights_file("bicubic")


def test_a_method_that_is_to_be_fitted_says_how() -> None:
    with pytest.raises(ModelRefused, match="srgan fit jor --data PHOTOS"):
        weights_file("jor")
    assert weights_file("gr").name == "zeyde.safetensors"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelRefused, match=r"bicubic.*\.safetensors"):
        weights_file("bicubik")
