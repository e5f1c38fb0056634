"""Crops by number, their exact LR, loader processes, and packs."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from srgan.cli import main
from srgan.degradation.pipeline import Degradation
from srgan.errors import DataRefused, UsageError
from srgan.image.resize import imresize
from srgan.training import packing
from srgan.training.config import DataConfig
from srgan.training.data import (
    Batches,
    Crops,
    Downscale,
    ResidentCrops,
    crops_of,
    open_photos,
    split,
)
from srgan.training.packing import Pack, open_data, prepare

CPU = torch.device("cpu")
_CUT = {"crop": 32, "scale": 4, "seed": 3}


def _crops(pack: Path, seed: int = 3) -> Crops:
    opened = Pack(pack)
    return Crops(opened, range(len(opened)), crop=32, scale=4, seed=seed)


def _batches(pack: Path, **changes: object) -> Batches:
    settings: dict[str, object] = {
        "batch": 4,
        "scale": 4,
        "crop": 32,
        "output_range": (-1.0, 1.0),
        "device": CPU,
    }
    return Batches(_crops(pack), **{**settings, **changes})  # type: ignore[arg-type]


def test_the_lr_of_a_crop_is_the_crop_of_the_photos_lr(pack: Path) -> None:
    photo = Pack(pack).photo(0)
    whole = imresize(photo, scale=0.25)
    crop = torch.from_numpy(photo[8:56, 16:64].copy()).permute(2, 0, 1)[None]
    small = Downscale(4, 32, CPU)(crop)[0].permute(1, 2, 0).byte().numpy()
    assert np.array_equal(small, whole[4:12, 6:14])


def test_a_sample_depends_on_seed_and_number_alone(pack: Path) -> None:
    crops = _crops(pack)
    assert torch.equal(crops.batch(0, 6)[4:], _crops(pack).batch(4, 2))
    assert not torch.equal(crops.batch(0, 6), _crops(pack, seed=4).batch(0, 6))


def test_resident_crops_are_the_same_as_mapped_ones(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "PIECE", 1000)  # the photos are copied in pieces of any size
    crops = _crops(pack)
    assert {piece.size for piece in crops.pack.pieces()} == {1000, crops.pack.bytes % 1000}
    assert {(p.flip, p.turns) for p in map(crops.place, range(64))} == {
        (flip, turns) for flip in (False, True) for turns in range(4)
    }
    assert torch.equal(ResidentCrops(crops, CPU).batch(0, 64), crops.batch(0, 64))


def test_an_update_of_distinct_photos_has_none_twice(pack: Path) -> None:
    opened = Pack(pack)

    def photos(crops: Crops) -> list[set[int]]:
        return [{crops.place(3 * u + i).photo for i in range(3)} for u in range(40)]

    config = DataConfig(crop=32, batch=3, distinct=True)
    crops = crops_of(config, opened, range(4), scale=4, seed=3)
    drawn = photos(crops)
    assert all(len(update) == 3 for update in drawn)
    assert set.union(*drawn) == {0, 1, 2, 3}
    assert len(set(map(frozenset, drawn))) > 1
    assert any(len(update) < 3 for update in photos(Crops(opened, range(4), **_CUT)))
    # By number alone, in whatever order it is asked for.
    again = crops_of(config, opened, range(4), scale=4, seed=3)
    assert [again.place(n) for n in (50, 4, 51)] == [crops.place(n) for n in (50, 4, 51)]
    assert torch.equal(ResidentCrops(crops, CPU).batch(0, 12), again.batch(0, 12))
    with pytest.raises(DataRefused, match="2 photos cannot fill an update's 3 samples"):
        crops_of(config, opened, range(2), scale=4, seed=3)


def test_crops_without_augmentation_are_as_in_the_photo(pack: Path) -> None:
    crops = Crops(Pack(pack), range(4), **_CUT, augment=False)
    at = crops.place(5)
    assert {(p.flip, p.turns) for p in map(crops.place, range(64))} == {(False, 0)}
    assert (at.y, at.x) == (_crops(pack).place(5).y, _crops(pack).place(5).x)
    cut = Pack(pack).photo(at.photo)[at.y : at.y + 48, at.x : at.x + 48]
    assert np.array_equal(crops.sample(5), cut)


def test_batches_have_the_networks_ranges(pack: Path) -> None:
    lr, hr = _batches(pack)(0)
    assert lr.shape == (4, 3, 8, 8)
    assert hr.shape == (4, 3, 32, 32)
    assert 0 <= float(lr.min()) < float(lr.max()) <= 1
    assert -1 <= float(hr.min()) < 0 < float(hr.max()) <= 1


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_processes_change_nothing(pack: Path, workers: int) -> None:
    alone = list(_batches(pack).iterate(2, 5))
    state = torch.get_rng_state()
    helped = list(_batches(pack, workers=workers).iterate(2, 5))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(alone) == len(helped) == 3
    for a, b in zip(alone, helped, strict=True):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])


def test_ranks_share_a_batch(pack: Path) -> None:
    whole = _batches(pack)(7)[1]
    parts = [_batches(pack, rank=r, world=2)(7)[1] for r in (0, 1)]
    assert torch.equal(torch.cat(parts), whole)
    with pytest.raises(DataRefused, match="cannot be shared by 3"):
        _batches(pack, world=3)


def test_damaged_lr_is_drawn_by_number_too(pack: Path) -> None:
    damage = Degradation(clean=0.0)
    lr, _ = _batches(pack, degradation=damage)(0)
    again, _ = _batches(pack, degradation=damage, workers=1).iterate(0, 1).__next__()
    assert lr.shape == (4, 3, 8, 8)
    assert torch.equal(lr, again)
    assert not torch.equal(lr, _batches(pack)(0)[0])


def test_too_few_or_too_small_photos(pack: Path) -> None:
    with pytest.raises(DataRefused, match="leave none to train on"):
        split(4, 4, 0)
    with pytest.raises(DataRefused, match="at least 112 pixels"):
        Crops(Pack(pack), range(4), crop=96, scale=4, seed=0)


def test_held_out_photos_are_never_trained_on() -> None:
    use, held_out = split(50, 7, 1)
    assert len(held_out) == 7
    assert sorted(use + held_out) == list(range(50))


def _photos(folder: Path) -> None:
    noise = np.random.default_rng(0)
    for i, suffix in enumerate(("png", "jpg", "webp")):
        array = noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        (folder / "sub").mkdir(exist_ok=True, parents=True)
        Image.fromarray(array).save(folder / "sub" / f"{i}.{suffix}")
    Image.fromarray(array[..., 0]).save(folder / "gray.png")


def test_broken_photos_are_listed_with_reasons_and_never_fatal(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    _photos(photos)
    whole = (photos / "gray.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / "note.txt").write_text("no picture")
    Image.new("RGB", (8, 8)).save(photos / "tiny.png")
    made = prepare([photos], tmp_path / "pack", smallest=32)
    assert made.photos == 4
    assert {name for name, _ in made.quarantined} == {"cut.png", "note.txt", "tiny.png"}
    assert all(reason for _, reason in made.quarantined)
    assert not any(name in reason for name, reason in made.quarantined)
    pack = Pack(tmp_path / "pack")
    assert [p.name for p in pack.photos] == ["gray.png", "sub/0.png", "sub/1.jpg", "sub/2.webp"]
    png = np.asarray(Image.open(photos / "sub" / "0.png"))
    assert np.array_equal(pack.photo(1), png)


def test_photos_of_16_bits_are_rounded_and_the_least_side_is_taken(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    deep = np.zeros((32, 33), np.uint16)
    deep[0, :6] = (128, 129, 257, 385, 386, 65535)
    Image.fromarray(deep).save(photos / "deep.png")
    Image.new("RGB", (31, 40)).save(photos / "narrow.png")
    Image.new("RGB", (40, 31)).save(photos / "low.png")
    made = prepare([photos], tmp_path / "pack", smallest=32)
    assert (made.photos, made.pixels) == (1, 32 * 33)
    assert made.quarantined == (
        ("low.png", "40x31: a side is shorter than 32 pixels"),
        ("narrow.png", "31x40: a side is shorter than 32 pixels"),
    )
    packed = Pack(tmp_path / "pack").photo(0)
    assert packed[0, :6].tolist() == [[n] * 3 for n in (0, 1, 1, 1, 2, 255)]


def test_photos_that_came_since_are_packed_only_where_it_is_done_anew(tmp_path: Path) -> None:
    photos, cache = tmp_path / "photos", tmp_path / "cache"
    photos.mkdir()
    Image.new("RGB", (128, 128)).save(photos / "a.png")
    assert len(open_data([photos], cache)) == 1
    Image.new("RGB", (128, 128)).save(photos / "b.png")
    assert len(open_data([photos], cache)) == 1
    assert len(open_data([photos], cache, anew=True)) == 2


def test_photos_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        Image.new("RGB", (40, 40)).save(folder / "photo.png")
        Image.new("RGB", (8, 8)).save(folder / "tiny.png")
    made = prepare(folders, tmp_path / "pack", smallest=32)
    named = [photo.name for photo in Pack(tmp_path / "pack").photos]
    assert named == [(folder / "photo.png").as_posix() for folder in folders]
    assert [name for name, _ in made.quarantined] == [
        (folder / "tiny.png").as_posix() for folder in folders
    ]


def test_a_photo_that_is_met_twice_is_packed_once(tmp_path: Path, pack: Path) -> None:
    photos = tmp_path / "photos"
    _photos(photos)
    (photos / "link.png").symlink_to("gray.png")
    made = prepare([photos / "sub", photos, photos], tmp_path / "pack", smallest=32)
    assert made.photos == 4
    assert len(open_data([pack, pack.parent / "." / pack.name], tmp_path / "cache")) == 4


def test_the_samples_of_runs_among_the_photos_are_no_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    _photos(photos)
    for name in ("runs/first", "summer"):
        (photos / name / "samples").mkdir(parents=True)
        Image.new("RGB", (40, 40)).save(photos / name / "samples" / "0001.png")
    (photos / "runs" / "first" / "log.jsonl").touch()
    assert prepare([photos], tmp_path / "pack", smallest=32).photos == 5
    assert prepare([photos / "runs" / "first"], tmp_path / "asked", smallest=32).photos == 1


def test_the_limit_that_leaves_a_photo_out_can_be_raised(tmp_path: Path) -> None:
    _photos(tmp_path / "photos")
    arguments = ["data", "prepare", str(tmp_path / "photos"), "--smallest", "32"]
    for most, said in (("0.001", "no usable photo.*raise --max-input-mp"), ("0.002", "4 photos")):
        more = ["-o", str(tmp_path / most), "--max-input-mp", most]
        result = CliRunner().invoke(main.build(), [*arguments, *more])
        assert re.search(said, result.output + str(result.exception))


def test_packs_and_folders_go_together(tmp_path: Path, pack: Path) -> None:
    _photos(tmp_path / "photos")
    (tmp_path / "photos" / "big.png").write_bytes((tmp_path / "photos" / "gray.png").read_bytes())
    with pytest.raises(DataRefused, match="no usable photo among 5 files"):
        open_data([pack, tmp_path / "photos"], tmp_path / "cache")
    Image.new("RGB", (130, 140), (9, 8, 7)).save(tmp_path / "photos" / "large.png")
    both = open_data([pack, tmp_path / "photos"], tmp_path / "cache")
    assert len(both) == 5
    assert both.photo(4).shape == (140, 130, 3)
    flat = np.concatenate(list(both.pieces()))
    assert flat.size == both.bytes
    assert flat[both.start(4) : both.start(4) + 3].tolist() == [9, 8, 7]


def test_an_empty_missing_or_damaged_folder(tmp_path: Path, pack: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataRefused, match="no usable photo"):
        prepare([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out" / "pixels.u8").exists()
    with pytest.raises(DataRefused, match="no such folder"):
        prepare([tmp_path / "none"], tmp_path / "out")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "index.json").write_bytes((pack / "index.json").read_bytes())
    (tmp_path / "cut" / "pixels.u8").write_bytes(b"123")
    with pytest.raises(DataRefused, match=r"pixels.u8 holds 3 bytes, not the 69120 of"):
        Pack(tmp_path / "cut")


def test_of_extra_pictures_none_is_held_out(tmp_path: Path, pack: Path) -> None:
    _, photos, held_out = open_photos(DataConfig(held_out=2), [pack], tmp_path / "cache")
    (tmp_path / "drawn").mkdir()
    for i in range(3):
        Image.new("RGB", (130, 140 + i), (i, 8, 7)).save(tmp_path / "drawn" / f"{i}.png")
    config = DataConfig(held_out=2, extra=str(tmp_path / "drawn"))
    both, use, same = open_photos(config, [pack], tmp_path / "cache")
    assert same == held_out
    assert use == [*photos, 4, 5, 6]
    assert [both.photo(i).shape[0] for i in use[-3:]] == [140, 141, 142]
    for extra in (pack, pack / "below", pack.parent):
        config = DataConfig(held_out=2, extra=str(extra))
        with pytest.raises(UsageError, match=r"data\.extra: .* are in one another"):
            open_photos(config, [pack.parent / "." / pack.name], tmp_path / "cache")
