"""The GAN loop on a tiny network."""

import json
import re
from collections.abc import Callable
from math import log
from pathlib import Path

import pytest
import torch

from networks.layout import torchvision_vgg19
from srgan.errors import ModelRefused, TrainingStopped, UsageError
from srgan.inference.graph import build_graph
from srgan.losses import adversarial
from srgan.losses.adversarial import Game, Logits
from srgan.losses.pixel import overshoot_loss
from srgan.networks.srresnet import SRResNet
from srgan.training import gan as gan_module
from srgan.training.checkpoint import load_checkpoint
from srgan.training.config import GanConfig, PretrainConfig, load_recipe
from srgan.training.gan import calibrated_before, content_loss, train_gan, window
from srgan.training.generator import generator_of, start_from
from srgan.training.pretrain import pretrain
from srgan.training.setup import set_up
from srgan.weights.format import load_weights

Gan = Callable[..., GanConfig]
Pixel = Callable[..., PretrainConfig]


@pytest.fixture
def start(pack: Path, tmp_path: Path, pretrain_config: Pixel) -> Path:
    return pretrain(pretrain_config(), data=[pack], out=tmp_path / "pixel")


def _lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_gan_goes_on_from_a_pixel_run(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    weights = train_gan(gan_config(start=str(start)), data=[pack], out=tmp_path / "gan")
    tensors, header = load_weights(weights)
    before, _ = load_weights(start)
    assert header.architecture == "srresnet"
    assert header.card["features"] == "VGG16 conv1_1"
    assert any((tensors[name] != before[name]).any() for name in tensors)
    assert _lines(tmp_path / "gan")[-1]["psnr_y"] > 10


@pytest.mark.parametrize(("kind", "layers"), [("paper", 17), ("pooled", 17), ("features", 3)])
def test_other_discriminators_and_the_relativistic_game(
    pack: Path,
    tmp_path: Path,
    start: Path,
    gan_config: Gan,
    kind: str,
    layers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    games = []

    def generator_loss(real: Logits, fake: Logits, game: Game) -> torch.Tensor:
        games.append(game)
        return adversarial.generator_loss(real, fake, game)

    monkeypatch.setattr(gan_module, "generator_loss", generator_loss)
    game = {"discriminator": kind, "channels": 2, "game": "relativistic"}
    config = gan_config(start=str(start), adversarial=game, updates=2, log_every=1)
    train_gan(config, data=[pack], out=tmp_path)
    losses = _lines(tmp_path)[0]
    assert losses["discriminator"] == pytest.approx(log(2), abs=0.1)  # twice that in the other game
    tensors, _ = load_checkpoint(tmp_path / "checkpoint.safetensors")
    learnt = {name: t for name, t in tensors.items() if re.match(r"adam_d.*weight.*exp_avg$", name)}
    assert len(learnt) == layers
    assert games == ["relativistic"] * 3  # before the first update too
    assert all(moment.any() for moment in learnt.values())


def test_a_judge_of_features_measures_those_of_the_first_crops_once(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    game = {"discriminator": "features", "channels": 4}
    exact = {"precision": "fp32"}
    config = gan_config(start=str(start), adversarial=game, updates=3, shift=0, device=exact)
    train_gan(config, data=[pack], out=tmp_path / "gan")
    tensors, _ = load_checkpoint(tmp_path / "gan" / "checkpoint.safetensors")
    (size,) = tensors["discriminator.sizes"].tolist()
    setup = set_up(config, data=[pack], out=tmp_path / "again", device="cpu", resume=False)
    content = content_loss(config)
    assert content is not None
    (features,) = content.vgg(setup.batches(0)[1])
    assert size == pytest.approx(float(features.square().mean().sqrt()), rel=1e-5)
    losses = _lines(tmp_path / "gan")[0]
    assert losses["discriminator"] == pytest.approx(2 * log(2), abs=0.3)


def test_a_judge_of_features_wants_a_feature_loss_and_room(gan_config: Gan, vgg_file: Path) -> None:
    game = {"discriminator": "features"}
    with pytest.raises(UsageError, match=r"recipe\.content\.weight = 0: the discriminator 'feat"):
        gan_config(adversarial=game, content={"weight": 0.0})
    with pytest.raises(UsageError, match=r"recipe\.content\.weight = 0: the discriminator 'feat"):
        gan_config(adversarial=game | {"weight": 0.0}, content={"weight": 0.0})
    deep = {"network": "vgg16", "file": str(vgg_file), "layers": ["conv4_3", "conv5_3"]}
    deep["layer_weights"] = [1.0, 1.0]
    data = {"crop": 48, "batch": 2, "held_out": 1}
    gan_config(adversarial=game, content=deep, data=data)
    with pytest.raises(UsageError, match=r"crop = 48: to judge conv5_3, .* wants 56 pixels"):
        gan_config(adversarial=game, content=deep, data=data, shift=8)


def test_features_and_variation_train_without_a_discriminator(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    alone = {"artefacts": 0.0, "consistency": 0.0, "pixel": {"weight": 0.0}, "log_every": 1}
    config = gan_config(
        start=str(start), **alone, total_variation=2e-8, adversarial={"weight": 0.0}, updates=2
    )
    weights = train_gan(config, data=[pack], out=tmp_path / "gan")
    tensors, _ = load_weights(weights)
    before, _ = load_weights(start)
    assert any((tensors[name] != before[name]).any() for name in tensors)
    losses = {name for line in _lines(tmp_path / "gan") for name in line}
    assert {"content", "variation"} <= losses
    assert not losses & {"pixel", "discriminator", "adversarial"}


def test_the_rims_of_sharpened_lr_cost_what_the_recipe_says(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    only = {"artefacts": 0.0, "content": {"weight": 0.0}, "adversarial": {"weight": 0.0}}
    shares = {"clean": 0.0, "sharpen_share": 1.0, "jpeg_share": 0.0, "noise_share": 0.0}
    sharp = {**shares, "sharpen_amount": [4.0, 4.0]}

    def run(name: str, **changes: object) -> tuple[dict[str, float], GanConfig]:
        exact = {"precision": "fp32"}
        config = gan_config(
            start=str(start), **only, device=exact, updates=1, log_every=1, **changes
        )
        train_gan(config, data=[pack], out=tmp_path / name)
        return _lines(tmp_path / name)[0], config

    losses, config = run("rims", overshoot=8.0, degradation=sharp)
    setup = set_up(config, data=[pack], out=tmp_path / "again", device="cpu", resume=False)
    lr, hr = setup.batches(0)
    generator = generator_of(config.generator)
    start_from(generator, str(start), architecture="srresnet")
    low, high = config.output_range
    sr, hr = ((image - low) / (high - low) for image in (generator(lr), hr))
    matrix = setup.batches.downscale.matrix[:, 8:-8]
    found = overshoot_loss(sr, hr, lr, matrix @ hr @ matrix.T)
    assert losses["overshoot"] == pytest.approx(found.item(), abs=1e-6)
    assert losses["overshoot"] > 1e-4

    run("none", degradation=sharp)
    files = [tmp_path / name / "generator.safetensors" for name in ("rims", "none")]
    learnt, other = (load_weights(file)[0] for file in files)
    assert any((learnt[name] != other[name]).any() for name in other)


def test_johnsons_network_learns_features_from_random_weights(
    pack: Path, tmp_path: Path, gan_config: Gan
) -> None:
    alone = {"artefacts": 0.0, "consistency": 0.0, "pixel": {"weight": 0.0}, "log_every": 1}
    config = gan_config(
        **alone,
        adversarial={"weight": 0.0},
        generator={"architecture": "johnson", "channels": 8, "blocks": 1},
        optimiser={"learning_rate": 1e-2},
        updates=30,
    )
    weights = train_gan(config, data=[pack], out=tmp_path / "a")
    losses = [line["content"] for line in _lines(tmp_path / "a") if "content" in line]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    tensors, header = load_weights(weights)
    assert header.architecture == "johnson"
    assert header.arguments == {"scale": 4, "channels": 8, "blocks": 1}
    build_graph(tensors, header)
    with pytest.raises(ModelRefused, match="holds johnson; start from a srresnet"):
        train_gan(gan_config(start=str(weights)), data=[pack], out=tmp_path / "b")


@pytest.mark.parametrize(("frozen", "seen"), [(0, 4), (3, 2), (1, 0)])
def test_batch_normalisation_keeps_its_statistics_from_the_update_asked_for(
    pack: Path, tmp_path: Path, gan_config: Gan, pretrain_config: Pixel, frozen: int, seen: int
) -> None:
    network = {"architecture": "johnson", "channels": 4, "blocks": 1}
    pixels = pretrain(
        pretrain_config(generator=network, freeze_norm=frozen), data=[pack], out=tmp_path / "a"
    )
    counted, _ = load_weights(pixels)
    assert counted["head_norm.num_batches_tracked"] == seen
    config = gan_config(
        start=str(pixels),
        generator=network,
        adversarial={"weight": 0.0},
        freeze_norm=frozen,
        method="muon",
    )
    tensors, _ = load_weights(train_gan(config, data=[pack], out=tmp_path / "b"))
    assert tensors["head_norm.num_batches_tracked"] == 2 * seen
    same = (tensors["head_norm.running_mean"] == counted["head_norm.running_mean"]).all()
    assert same == (seen == 0)
    assert (tensors["head.weight"] != counted["head.weight"]).any()


def test_a_gan_needs_a_start_of_its_own_shape(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    with pytest.raises(UsageError, match="--set start=WEIGHTS"):
        train_gan(gan_config(), data=[pack], out=tmp_path / "a")
    wide = gan_config(start=str(start), generator={"channels": 8, "blocks": 1, "batch_norm": False})
    with pytest.raises(ModelRefused, match=r"head.weight is \(4, 3, 9, 9\) there and \(8, 3, 9, 9"):
        train_gan(wide, data=[pack], out=tmp_path / "b")


def test_a_checkpoint_is_resumed_by_its_own_kind_of_recipe(
    pack: Path, tmp_path: Path, start: Path, pretrain_config: Pixel, gan_config: Gan
) -> None:
    with pytest.raises(TrainingStopped, match="of kind 'pretrain', not 'gan'; resume with its"):
        train_gan(gan_config(), data=[pack], out=start.parent, resume=True)
    train_gan(gan_config(start=str(start), updates=1), data=[pack], out=tmp_path / "gan")
    with pytest.raises(TrainingStopped, match="of kind 'gan', not 'pretrain'; resume with its"):
        pretrain(pretrain_config(), data=[pack], out=tmp_path / "gan", resume=True)
    other = gan_config(adversarial={"discriminator": "paper", "channels": 4})
    with pytest.raises(ModelRefused, match=r"lacks features.0.weight .* set \[adversarial\]"):
        train_gan(other, data=[pack], out=tmp_path / "gan", resume=True)


def test_the_window_moves_over_all_phases(gan_config: Gan) -> None:
    config = gan_config(shift=8, data={"crop": 96, "batch": 2, "held_out": 2})
    seen = [window(config, update) for update in range(300)]
    assert {(w[2].start % 4, w[3].start % 4) for w in seen} == {
        (y, x) for y in range(4) for x in range(4)
    }
    assert all(w[2].stop - w[2].start == 88 and 0 <= w[2].start <= 8 for w in seen)
    assert window(config, 7) == seen[7]
    whole = window(gan_config(), 7)
    assert whole[2] == whole[3] == slice(0, gan_config().data.crop)


def test_a_shift_trains_a_discriminator_of_any_size(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[torch.Tensor] = []

    def noted(config: GanConfig, network: torch.nn.Module) -> torch.nn.Module:
        if not isinstance(network, SRResNet):
            network.register_forward_pre_hook(lambda module, images: judged.extend(images))
        return network

    monkeypatch.setattr(gan_module, "compiled", noted)
    weights = train_gan(
        gan_config(
            start=str(start), shift=8, updates=2, data={"crop": 48, "batch": 2, "held_out": 1}
        ),
        data=[pack],
        out=tmp_path,
    )
    assert weights.exists()
    # A graph takes no part of another's result, whose address would change with the window.
    _before_the_first_update, *judged = judged
    assert {image.storage_offset() for image in judged} == {0}
    assert all(image.is_contiguous(memory_format=torch.channels_last) for image in judged)


def test_a_resumed_run_follows_the_weight_of_its_feature_loss(
    pack: Path,
    tmp_path: Path,
    start: Path,
    gan_config: Gan,
    vgg_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def factor(weight: float, **changes: object) -> float:
        content = {
            "network": "vgg16",
            "file": str(vgg_file),
            "layers": ["conv1_1"],
            "weight": weight,
        }
        config = gan_config(**{"start": str(start), "content": content} | changes)
        train_gan(config, data=[pack], out=tmp_path / "run", resume=(tmp_path / "run").exists())
        return float(
            load_checkpoint(tmp_path / "run" / "checkpoint.safetensors")[1]["content_weight"]
        )

    begun = factor(2.0, updates=2)
    assert factor(2.0) == begun
    assert factor(6.0, updates=6) == pytest.approx(3 * begun)
    assert "6 times the pixel loss at the start" in capsys.readouterr().out.splitlines()[-1]


def test_the_weight_of_the_feature_loss_does_not_hang_on_the_first_batch(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan, vgg_file: Path
) -> None:
    def factor(batch: int) -> float:
        config = gan_config(
            updates=1,
            start=str(start),
            data={"crop": 32, "batch": batch, "held_out": 1},
            content={"network": "vgg16", "file": str(vgg_file), "layers": ["conv1_1"]},
        )
        train_gan(config, data=[pack], out=tmp_path / str(batch))
        checkpoint = tmp_path / str(batch) / "checkpoint.safetensors"
        return float(load_checkpoint(checkpoint)[1]["content_weight"])

    assert factor(2) == pytest.approx(factor(8), rel=1e-4)  # both by the same 128 crops


def test_a_factor_that_was_not_measured_does_not_pass_for_one(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan, vgg_file: Path
) -> None:
    def run(updates: int, *, calibrate: bool) -> None:
        content = {
            "network": "vgg16",
            "file": str(vgg_file),
            "layers": ["conv1_1"],
            "calibrate": calibrate,
        }
        config = gan_config(start=str(start), content=content, updates=updates)
        train_gan(config, data=[pack], out=tmp_path / "run", resume=updates > 1)

    run(1, calibrate=False)
    with pytest.raises(UsageError, match=r"content\.calibrate = false, or begin another run"):
        run(2, calibrate=True)


def test_a_run_without_a_feature_loss_cannot_be_given_a_measured_one(gan_config: Gan) -> None:
    with pytest.raises(UsageError, match=r"content\.calibrate = false, or begin another run"):
        calibrated_before(gan_config(), {"content_weight": 0.0, "content_asked": 0.0})
    assert calibrated_before(gan_config(), {"content_weight": 0.25}) == 0.25  # an older checkpoint


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"shift": 3}, "must be a multiple of 8"),
        ({"shift": 72, "data": {"crop": 96}}, "leaves 32 pixels"),
        ({"shift": 8, "data": {"crop": 96}, "adversarial": {"discriminator": "paper"}}, "'pooled'"),
    ],
)
def test_a_shift_that_cannot_be_is_refused(
    gan_config: Gan, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        gan_config(**keys)


def test_the_papers_generator_with_batch_normalisation_can_be_started_from(
    pack: Path, tmp_path: Path, pretrain_config: Pixel, gan_config: Gan
) -> None:
    paper = {"channels": 4, "blocks": 1, "batch_norm": True, "skip": "none"}
    first = pretrain(pretrain_config(generator=paper), data=[pack], out=tmp_path / "a")
    config = gan_config(start=str(first), generator=paper, updates=1)
    last = train_gan(config, data=[pack], out=tmp_path / "b", device="cpu")
    (before, _), (after, _) = load_weights(first), load_weights(last)
    counts = {name for name in after if name.endswith("num_batches_tracked")}
    assert [(before[name], after[name]) for name in counts] == [(4, 5)] * 3
    learnt = {name for name in after if name.endswith((".weight", ".bias"))}
    assert len(learnt) == 24
    for name in learnt:  # Adam's first step is the rate, and half of it is the average's
        assert abs(after[name] - before[name]).max() == pytest.approx(5e-5, rel=0.1)


def test_the_papers_recipe_takes_torchvisions_file(tmp_path: Path) -> None:
    torch.save(torchvision_vgg19(), tmp_path / "vgg19.pth")
    recipe = Path(__file__).parents[2] / "recipes" / "srgan-vgg54.toml"
    config = load_recipe(recipe, [f"content.file={tmp_path / 'vgg19.pth'}"])
    assert isinstance(config, GanConfig)
    loss = content_loss(config)
    assert loss is not None
    assert loss.name == "VGG19 conv5_4"
    features = loss.vgg(torch.rand(1, 3, 32, 32))[0]
    assert features.shape == (1, 512, 2, 2)
    assert float(features.min()) == float(features.max()) == 34.0  # features.34 is conv5_4


def test_damaged_samples_are_held_to_the_clean_lr_picture(
    pack: Path, tmp_path: Path, start: Path, gan_config: Gan
) -> None:
    """A blurred input that comes back as blurred is consistent with itself, and wrong."""
    blurred = {"clean": 0.0, "blur_share": 1.0, "blur_sigma": [6.0, 6.0], "middle": [1.0, 1.0]}
    unharmed = {"noise_share": 0.0, "jpeg_share": 0.0}
    first = []
    for name, damage in {"clean": {}, "blurred": {"degradation": blurred | unharmed}}.items():
        config = gan_config(start=str(start), updates=1, log_every=1, **damage)
        train_gan(config, data=[pack], out=tmp_path / name)
        first.append(_lines(tmp_path / name)[0]["consistency"])
    assert first[1] > 2 * first[0], first
