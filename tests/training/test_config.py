"""Recipes: every shipped one loads, and wrong ones say what is wrong."""

from pathlib import Path

import pytest

from srgan.errors import UsageError
from srgan.training.config import GanConfig, PretrainConfig, load_recipe
from srgan.training.generator import generator_of, learning_rate

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("name", sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
def test_shipped_recipes_load_and_bear_their_files_name(name: str) -> None:
    assert load_recipe(RECIPES / f"{name}.toml").name == name


def test_the_papers_recipes_have_the_papers_numbers() -> None:
    pixel = load_recipe(RECIPES / "srresnet-mse.toml")
    assert isinstance(pixel, PretrainConfig)
    assert (pixel.updates, pixel.loss, pixel.data.crop, pixel.data.batch) == (10**6, "mse", 96, 16)
    assert (pixel.optimiser.learning_rate, pixel.optimiser.beta1) == (1e-4, 0.9)
    assert pixel.output_range == (-1.0, 1.0)
    assert pixel.generator.batch_norm
    gan = load_recipe(RECIPES / "srgan-vgg54.toml")
    assert isinstance(gan, GanConfig)
    assert (gan.updates, gan.optimiser.schedule, gan.optimiser.decay) == (200_000, "step", 100_000)
    assert (gan.content.network, gan.content.layers) == ("vgg19", ("conv5_4",))
    assert gan.content.activated
    assert (gan.adversarial.weight, gan.adversarial.discriminator) == (1e-3, "paper")
    assert gan.pixel.weight == 0
    features = load_recipe(RECIPES / "srresnet-vgg22.toml")
    assert isinstance(features, GanConfig)
    assert (features.content.layers, features.total_variation) == (("conv2_2",), 2e-8)
    assert (features.pixel.weight, features.adversarial.weight) == (0, 0)
    assert (features.updates, features.optimiser.schedule) == (10**6, "constant")
    for recipe in (pixel, gan, features):
        assert (recipe.data.distinct, recipe.data.augment) == (True, False)


def test_johnsons_recipes_have_the_papers_network_and_losses() -> None:
    pixels, features = (load_recipe(RECIPES / f"{n}.toml") for n in ("johnson-pixels", "johnson"))
    assert isinstance(pixels, PretrainConfig)
    assert isinstance(features, GanConfig)
    assert pixels.loss == "mse"
    content = features.content
    assert (content.network, content.layers, content.activated) == ("vgg16", ("conv2_2",), True)
    assert (content.weight, content.calibrate, content.normalised) == (1.0, False, False)
    assert (features.pixel.weight, features.adversarial.weight) == (0, 0)
    assert features.total_variation == 0
    for recipe in (pixels, features):
        assert (recipe.optimiser.learning_rate, recipe.data.batch) == (1e-3, 4)
        assert sum(p.numel() for p in generator_of(recipe.generator).parameters()) == 401_859
    with pytest.raises(UsageError, match=r"generator\.scale = 3: johnson has 2 and 4"):
        load_recipe(RECIPES / "johnson.toml", ["generator.scale=3", "data.crop=96"])


def test_the_papers_rate_falls_to_a_tenth_half_way() -> None:
    gan = load_recipe(RECIPES / "srgan-vgg54.toml")
    assert isinstance(gan, GanConfig)
    rates = [learning_rate(gan.optimiser, n, gan.updates) for n in (0, 99_999, 100_000, 199_999)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])


def test_fast_has_less_than_100_000_parameters() -> None:
    config = load_recipe(RECIPES / "fast.toml").generator
    assert sum(p.numel() for p in generator_of(config).parameters()) == 98_005


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimiser.learning_rte=1", "unknown key 'learning_rte'; did you mean 'learning_rate'"),
        ("data.batch=none", "data.batch: must be of type int"),
        ("data.batch=0", "data.batch = 0: must be at least 1"),
        ("data.crop=100", "data.crop = 100: must be a multiple of 16"),
        ("generator.scale=5", "scale = 5: must be 2, 3 or 4"),
        (
            "generator.architecture=johnson",
            "generator.batch_norm = False: johnson has no such argument",
        ),
        ("loss=huber", "must be one of"),
        ("best=ssim", "best: must be one of ['psnr', 'perceptual'], not 'ssim'"),
        ("ema=1.5", "ema = 1.5"),
        ("luma=-1.0", "luma = -1.0: must not be negative"),
        ("optimiser.learning_rate=-1", "must be above 0"),
        ("name.x=1", "name is no section"),
        ("updates", "--set wants key=value"),
        ("degradation.jpeg_quality=[90,30]", "jpeg_quality goes from a low to a high"),
        ("crop=96", "unknown key 'crop'; did you mean 'data.crop'?"),
        ("optimiser.learning_rate=nan", "must be a finite number"),
        ("optimiser.beta1=1.0", "beta1 = 1.0: must be at least 0 and below 1"),
        ("optimiser.warm_up=-1", "warm_up = -1: must not be negative"),
        ("updates=100", "decay = 7400: more than all 100 updates"),
        ("seed=18446744073709551615", "must be below 2^62"),
    ],
)
def test_a_wrong_key_or_value_is_one_clear_line(change: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe(RECIPES / "srresnet.toml", [change])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        ("srgan", ["adversarial.learning_rate=-1.0"], "learning_rate = -1.0: must be above 0"),
        ("srgan", ["adversarial.channels=0"], "channels = 0: must be at least 1"),
        ("srgan", ["content.weight=-1.0"], "content.weight = -1.0: must not be negative"),
        ("srgan", ["kind=gann"], "kind: must be one of ['pretrain', 'gan', 'luma'], not 'gann'"),
        ("srgan-mse", ["data.crop=40", "generator.scale=2"], "'paper' wants a multiple of 16"),
        ("srgan-mse", ["pixel.weight=0.0", "adversarial.weight=0.0"], "every loss of the gener"),
        ("srgan", ["overshoot=1.0"], "recipe.overshoot: LR has no rims without [degradation]"),
        ("espcn", ["data.crop=50"], "data.crop = 50: must be a multiple of the scale, 4"),
        ("espcn", ["network.scale=5"], "network.scale = 5: must be 2, 3 or 4"),
        ("fsrcnn", ["network.shrunk=0"], "shrunk = 0: must be at least 1"),
        ("scn", ["network.atoms=0"], "atoms = 0: must be at least 1"),
        ("scn", ["network.channels=8"], "network.channels = 8: scn has no such argument"),
        ("espcn", ["checkpoint_every=0"], "checkpoint_every = 0: must be at least 1"),
        ("espcn", ["ema=2.0"], "ema = 2.0: must be at least 0 and below 1"),
    ],
)
def test_so_it_is_in_each_kind_of_recipe(recipe: str, changes: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe(RECIPES / f"{recipe}.toml", changes)
    assert message in str(caught.value)


def test_a_missing_or_broken_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(UsageError, match="no valid TOML"):
        load_recipe(tmp_path / "bad.toml")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UsageError, match="UTF-8"):
        load_recipe(tmp_path / "photo.jpg")
