import re
from pathlib import Path
from typing import Any

import pytest
from fakes import MODELS

from srgan.server.limits import ServerLimits
from srgan.server.order import disposition, file_name, has_dial, read_order
from srgan.server.problems import Problem
from srgan.weights.catalog import Model


def order(**fields: str) -> Any:
    return read_order(fields, MODELS, "srresnet", ServerLimits())


def test_nothing_given_is_the_default_model_four_times_as_large() -> None:
    empty = order()
    assert (empty.choice.model, empty.scale, empty.format, empty.wait) == (
        "srresnet",
        4.0,
        "PNG",
        None,
    )
    task = empty.task(Path("x"), 10, 20)
    assert (task.height, task.width, task.target) == (40, 80, Path("x/result.png"))


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"scale": "2.5"}, (25, 50)),
        ({"size": "30x15"}, (15, 30)),
        ({"long_edge": "60"}, (30, 60)),
    ],
)
def test_the_size_is_asked_for_in_three_ways(fields: dict[str, str], size: Any) -> None:
    task = order(**fields).task(Path("x"), 10, 20)
    assert (task.height, task.width) == size


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"model": "../../etc/passwd"},
        {"model": "/tmp/model.safetensors"},
        {"scale": "nan"},
        {"scale": "0.5"},
        {"scale": "17"},
        {"scale": "1e3"},
        {"scale": "-2"},
        {"scale": "٤"},
        {"scale": "2", "size": "40x40"},
        {"size": "40"},
        {"size": "40x"},
        {"size": "40x40x40"},
        {"long_edge": "0"},
        {"long_edge": "60.5"},
        {"quality": "90.5"},
        {"realism": "1.1", "model": "srgan"},
        {"realism": "0.5", "model": "srresnet"},
        {"format": "exe"},
        {"format": "svg"},
        {"quality": "0"},
        {"quality": "101"},
        {"strip": "perhaps"},
        {"wait": "31"},
    ],
)
def test_a_value_without_meaning_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        order(**fields)
    assert refused.value.status == 422
    name = next(iter(fields))
    assert re.search(rf"\b{name}\b", refused.value.detail)


@pytest.mark.parametrize(
    ("name", "kind"), [("jpg", "JPEG"), ("TIF", "TIFF"), ("tiff", "TIFF"), ("webp", "WEBP")]
)
def test_a_format_goes_by_its_name_or_its_usual_suffix(name: str, kind: str) -> None:
    assert order(format=name).format == kind


@pytest.mark.parametrize("fields", [{"scale": "1"}, {"size": "5x5"}, {"size": "400x400"}])
def test_a_size_that_does_not_enlarge_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Problem):
        order(**fields).task(Path("x"), 10, 10)


def test_the_dial_needs_the_faithful_sibling() -> None:
    assert has_dial("srgan", MODELS)
    assert not has_dial("srgan", [m for m in MODELS if m.name != "srresnet"])
    assert has_dial("srgan-photo", [*MODELS, Model("srresnet-photo", "network", "mends")])
    assert not has_dial("srgan-photo", MODELS)
    assert not has_dial("srresnet", MODELS)
    assert not has_dial("bicubic", MODELS)


# What an upload calls itself is shown, and must never be able to do more than that.
TRAVERSALS = [
    "../../etc/passwd",
    "..\\..\\windows\\system32\\config",
    "/etc/passwd",
    "C:\\boot.ini",
    "\\\\host\\share\\x.png",
    "a/../../b.png",
    "x\x00.png",
    "x\r\nSet-Cookie: a=b.png",
    "\u202egnp.exe",
    "....//....//x.png",
    "%2e%2e%2fx.png",
    "..%c0%af..%c0%afx.png",
    "~root/.ssh/id_rsa",
    "$(reboot).png",
    "`reboot`.png",
    "|reboot.png",
    'x".png',
    "x;y.png",
    "<script>alert(1)</script>.png",
    ".htaccess",
    ".",
    "..",
    "",
    " ",
    "a" * 255,
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_name_keeps_no_path_and_no_control_characters(name: str) -> None:
    shown = file_name(name, 10, 40, "PNG")
    assert shown.endswith("_x4.png")
    assert not set(shown) & set('/\\\x00\r\n"<>|')
    assert shown not in ("", ".", "..")
    assert len(shown) < 140
    header = disposition(shown)
    assert header.isascii()
    assert not set(header) & set("\r\n\x00")


def test_a_name_keeps_its_words_and_says_how_much_larger() -> None:
    assert file_name("Grüße vom See.jpeg", 100, 250, "JPEG") == "Grüße vom See_x2.5.jpg"
    assert "filename*=UTF-8''Gr%C3%BC%C3%9Fe" in disposition("Grüße.png")
