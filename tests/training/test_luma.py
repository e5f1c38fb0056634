"""Training of the luma networks, on pictures of a few pixels."""

import shutil
import signal
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from srgan.errors import DataRefused, ModelRefused, UsageError  # noqa: E402
from srgan.image.atomic import is_temporary  # noqa: E402
from srgan.image.colour import luma  # noqa: E402
from srgan.training import luma as luma_module  # noqa: E402
from srgan.training.config import LumaConfig, load_recipe  # noqa: E402
from srgan.training.distributed import Processes  # noqa: E402
from srgan.training.log import read_log  # noqa: E402
from srgan.training.luma import tensor_luma, train_luma  # noqa: E402
from srgan.training.packing import prepare  # noqa: E402
from srgan.weights.format import ARGUMENTS, load_weights  # noqa: E402

RECIPES = Path(__file__).parents[2] / "recipes"
LUMA = sorted(r.stem for r in RECIPES.glob("*.toml") if 'kind = "luma"' in r.read_text("utf-8"))
SMALL = ["updates=12", "validate_every=6", "checkpoint_every=6", "data.crop=24", "data.batch=2"]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(3):
        coarse = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((160, 160), Image.Resampling.NEAREST).save(
            folder / f"{i}.png"
        )
    prepare([folder], folder / "pack")
    return folder / "pack"


def test_luma_is_matlabs() -> None:
    rgb = np.random.default_rng(0).random((5, 4, 3))
    got = tensor_luma(torch.from_numpy(rgb.transpose(2, 0, 1))[None].float())[0, 0].numpy()
    np.testing.assert_allclose(got, luma(rgb), atol=1e-6)


@pytest.mark.parametrize("method", ["adam", "muon"])
@pytest.mark.parametrize("name", LUMA)
def test_a_recipe_trains_resumes_to_the_bit_and_describes_itself(
    name: str, method: str, pack: Path, tmp_path: Path
) -> None:
    small = [*SMALL, "data.held_out=1", "optimiser.schedule=constant", f"method={method}"]
    config = load_recipe(RECIPES / f"{name}.toml", small)
    assert isinstance(config, LumaConfig)
    sizes = {"channels": 8, "recursions": 2, "atoms": 8}
    taken = sizes.keys() & ARGUMENTS[config.network.architecture].keys()
    small += [f"network.{key}={sizes[key]}" for key in taken]
    config = load_recipe(RECIPES / f"{name}.toml", small)
    assert isinstance(config, LumaConfig)
    path = train_luma(config, data=[pack], out=tmp_path / "whole")
    whole, header = load_weights(path)
    assert header.architecture == config.network.architecture
    assert header.card["updates"] == 12

    half = load_recipe(RECIPES / f"{name}.toml", [*small, "updates=6"])
    assert isinstance(half, LumaConfig)
    out = tmp_path / "halves"
    train_luma(half, data=[pack], out=out)
    with pytest.raises(UsageError, match="holds a run already"):
        train_luma(config, data=[pack], out=out)
    again, _ = load_weights(train_luma(config, data=[pack], out=out, resume=True))
    assert again.keys() == whole.keys()
    for key, tensor in whole.items():
        assert np.array_equal(again[key], tensor), key


def test_no_luma_network_is_trained_with_tf32(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    config = load_recipe(RECIPES / "espcn.toml", [*SMALL, "data.held_out=1", "optimiser.decay=1"])
    assert isinstance(config, LumaConfig)
    train_luma(config, data=[pack], out=tmp_path)
    assert torch.backends.cudnn.allow_tf32 is False


def test_a_run_may_start_from_weights_of_its_own_network_alone(pack: Path, tmp_path: Path) -> None:
    small = [*SMALL, "data.held_out=1", "optimiser.decay=1", "network.channels=4"]
    config = load_recipe(RECIPES / "espcn.toml", small)
    assert isinstance(config, LumaConfig)
    path = train_luma(config, data=[pack], out=tmp_path / "first")
    first, _ = load_weights(path)

    still = [*SMALL, "data.held_out=1", "optimiser.decay=1"]
    still += ["updates=1", "optimiser.learning_rate=1e-30", f"start={path}"]
    config = load_recipe(RECIPES / "espcn.toml", [*still, "network.channels=4"])
    assert isinstance(config, LumaConfig)
    on, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "on"))
    for key, tensor in first.items():
        assert np.array_equal(on[key], tensor), key

    for name, sizes, refusal in (
        ("srcnn-9-5-5", [], f"{path}: holds espcn; start from a srcnn"),
        ("espcn", ["network.channels=8"], r"\(4, 1, 5, 5\) there .* set \[network\] to match"),
    ):
        other = load_recipe(RECIPES / f"{name}.toml", [*still, *sizes])
        assert isinstance(other, LumaConfig)
        with pytest.raises(ModelRefused, match=refusal):
            train_luma(other, data=[pack], out=tmp_path / name)


def test_what_a_killed_run_had_half_written_goes(pack: Path, tmp_path: Path) -> None:
    left = tmp_path / ".srgan-0123456789abcdef.part"
    left.write_bytes(b"half a checkpoint")
    assert is_temporary(left)
    small = [*SMALL, "data.held_out=1", "updates=1", "optimiser.decay=1", "network.channels=4"]
    config = load_recipe(RECIPES / "espcn.toml", small)
    assert isinstance(config, LumaConfig)
    train_luma(config, data=[pack], out=tmp_path)
    assert not left.exists()


def test_each_stage_of_a_cascade_starts_as_one_scn(pack: Path, tmp_path: Path) -> None:
    small = [*SMALL, "updates=1", "data.held_out=1", "optimiser.decay=1", "network.atoms=4"]
    small += ["optimiser.learning_rate=1e-30"]
    config = load_recipe(RECIPES / "scn-x2.toml", small)
    assert isinstance(config, LumaConfig)
    path = train_luma(config, data=[pack], out=tmp_path / "scn")
    stage, _ = load_weights(path)
    config = load_recipe(RECIPES / "cscn.toml", [*small, f"start={path}"])
    assert isinstance(config, LumaConfig)
    path = train_luma(config, data=[pack], out=tmp_path / "cscn")
    cascade, _ = load_weights(path)
    assert len(cascade) == 2 * len(stage)
    for key, tensor in stage.items():
        for i in range(2):
            np.testing.assert_allclose(cascade[f"stages.{i}.{key}"], tensor, atol=1e-20)

    config = load_recipe(RECIPES / "cscn.toml", [*small, f"start={path}"])
    assert isinstance(config, LumaConfig)
    again, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "again"))
    for key, tensor in cascade.items():
        np.testing.assert_allclose(again[key], tensor, atol=1e-20)

    # Adam's first step is the rate itself: a tenth of it for the last layer of each stage.
    step = ["optimiser.learning_rate=1e-3", "optimiser.warm_up=0", "method=adam", "ema=0.0"]
    step += ["optimiser.schedule=constant"]
    config = load_recipe(RECIPES / "cscn.toml", [*small, f"start={path}", *step])
    assert isinstance(config, LumaConfig)
    moved, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "moved"))
    for i, (layer, rate) in product(range(2), (("decode", 1e-3), ("overlap", 1e-4))):
        key = f"stages.{i}.{layer}.weight"
        assert np.abs(moved[key] - cascade[key]).max() == pytest.approx(rate, rel=0.01)


def test_no_stage_of_a_cascade_starts_as_an_scn_of_another_scale(
    pack: Path, tmp_path: Path
) -> None:
    small = [*SMALL, "updates=1", "data.held_out=1", "optimiser.decay=1", "network.atoms=4"]
    config = load_recipe(RECIPES / "scn.toml", small)
    assert isinstance(config, LumaConfig)
    path = train_luma(config, data=[pack], out=tmp_path / "scn")
    config = load_recipe(RECIPES / "cscn.toml", [*small, f"start={path}"])
    assert isinstance(config, LumaConfig)
    with pytest.raises(
        ModelRefused, match="holds scn x4; each stage of a cscn starts from a scn x2"
    ):
        train_luma(config, data=[pack], out=tmp_path / "cscn")


def test_a_signal_saves_and_a_resumed_run_ends_as_the_unbroken_one(
    pack: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = [*SMALL, "data.held_out=1", "optimiser.decay=1", "network.channels=4"]
    config = load_recipe(RECIPES / "espcn.toml", [*small, "checkpoint_every=100"])
    assert isinstance(config, LumaConfig)
    whole, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "whole"))

    follow, calls = luma_module.follow, []

    def asks(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGTERM)
        follow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(luma_module, "follow", asks)
    with pytest.raises(SystemExit) as ended:
        train_luma(config, data=[pack], out=tmp_path / "run")
    assert ended.value.code == 143
    assert capsys.readouterr().err == "stopped after update 4; --resume goes on\n"
    again, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "run", resume=True))
    assert len(calls) == 12
    for key, tensor in whole.items():
        assert np.array_equal(again[key], tensor), key


def test_a_checkpoint_of_another_network_is_told_by_its_first_tensor(
    pack: Path, tmp_path: Path
) -> None:
    small = [*SMALL, "updates=1", "data.held_out=1", "optimiser.decay=1"]
    narrow, wide = (
        load_recipe(RECIPES / "espcn.toml", [*small, f"network.channels={n}"]) for n in (4, 8)
    )
    assert isinstance(narrow, LumaConfig)
    assert isinstance(wide, LumaConfig)
    train_luma(narrow, data=[pack], out=tmp_path)
    with pytest.raises(
        ModelRefused, match=r"is \(4, 1, 5, 5\) there and \(8, 1, 5, 5\).*\[network\]"
    ):
        train_luma(wide, data=[pack], out=tmp_path, resume=True)


def test_killed_before_its_last_weights_are_written_a_resumed_run_writes_them(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [*SMALL, "updates=2", "data.held_out=1", "optimiser.decay=1", "network.channels=4"]
    config = load_recipe(RECIPES / "espcn.toml", [*small, "checkpoint_every=1"])
    assert isinstance(config, LumaConfig)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(luma_module, "save_generator", killed)
        with pytest.raises(KeyboardInterrupt):
            train_luma(config, data=[pack], out=tmp_path / "run")
    assert train_luma(config, data=[pack], out=tmp_path / "run", resume=True).exists()
    validated = [row["update"] for row in read_log(tmp_path / "run") if "psnr_y_average" in row]
    assert validated == [2]  # not told twice


def test_all_packs_are_trained_on_and_by_one_process(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [*SMALL, "updates=1", "data.held_out=3", "optimiser.decay=1", "network.channels=4"]
    config = load_recipe(RECIPES / "espcn.toml", small)
    assert isinstance(config, LumaConfig)
    with pytest.raises(DataRefused, match="3 photos and 3 of them held out"):
        train_luma(config, data=[pack], out=tmp_path / "one")
    other = shutil.copytree(pack, tmp_path / "other")
    train_luma(config, data=[pack, other], out=tmp_path / "two")
    monkeypatch.setattr(luma_module, "join", lambda device: Processes(0, 2, torch.device("cpu")))
    with pytest.raises(UsageError, match="trained by one process; start it without torchrun"):
        train_luma(config, data=[pack, other], out=tmp_path / "three")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_the_loss_does(precision: str, pack: Path, tmp_path: Path) -> None:
    more = [*SMALL, "data.held_out=1", "updates=100", "optimiser.warm_up=1", "optimiser.decay=1"]
    more += ["network.channels=16", f"precision={precision}"]
    config = load_recipe(RECIPES / "espcn.toml", more)
    assert isinstance(config, LumaConfig)
    weights, _ = load_weights(train_luma(config, data=[pack], out=tmp_path / "run"))
    assert all(w.dtype == np.float32 for w in weights.values())
    import json

    lines = [json.loads(x) for x in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [x["loss"] for x in lines if "loss" in x]
    scores = [x["psnr_y_average"] for x in lines if "psnr_y_average" in x]
    assert losses[-1] < losses[0]
    assert scores[-1] > scores[0]
