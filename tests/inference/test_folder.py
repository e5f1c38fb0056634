"""A folder job: names, the journal, what is done again and what is not."""

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srgan.errors import Cancelled, ImageRefused, OutputFailed, UsageError
from srgan.image.files import read_picture, write_picture
from srgan.image.limits import Limits
from srgan.image.picture import Frame, Picture
from srgan.inference.folder import Event, Summary, outputs_made, run_folder
from srgan.inference.journal import JOURNAL, Claim, Journal, Work
from srgan.inference.scan import _SURE_BYTES, Task, check_space, plan_folder

MODEL = {"model": "stub"}


def pixel(path: Path, value: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(
        Picture((Frame(np.full((2, 3, 3), value, np.uint8)),)), path, format="png", overwrite=True
    )
    return path


def copy(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
    """A stub model: writes what it reads."""
    write_picture(read_picture(task.input), task.output, format=task.format, overwrite=replace)
    return ()


def job(folder: Path, output: Path, process: object = copy, **options: object) -> Summary:
    plan = plan_folder(folder, output, recursive=True, made_before=outputs_made(output))
    options.setdefault("made_by", MODEL)
    return run_folder(plan, output, process, **options)  # type: ignore[arg-type]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "deep/er/c.png"):
        pixel(tmp_path / "in" / name)
    return tmp_path / "in"


def tree(folder: Path) -> list[str]:
    return sorted(
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith(JOURNAL)
    )


def test_sub_folders_are_kept_and_a_second_run_does_nothing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert str(job(photos, out)) == "3 done, 0 skipped, 0 refused, 0 failed"
    assert tree(out) == ["a.png", "b.png", "deep/er/c.png"]
    assert job(photos, out, resume=True) == Summary(skipped=3)


def test_resume_does_what_is_missing_and_what_has_changed(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job(photos, out)
    (out / "a.png").unlink()
    pixel(photos / "b.png", 200)
    assert job(photos, out, resume=True) == Summary(done=2, skipped=1)
    assert read_picture(out / "b.png").frames[0].colour[0, 0, 0] == 200
    assert job(photos, out, resume=True, made_by={"model": "other"}) == Summary(done=3)
    assert job(photos, out, overwrite=True, made_by={"model": "other"}) == Summary(done=3)


def test_a_file_that_no_job_made_is_never_replaced_unasked(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pixel(out / "a.png", 99)
    assert job(photos, out, resume=True) == Summary(done=2, skipped=1)
    assert read_picture(out / "a.png").frames[0].colour[0, 0, 0] == 99
    assert job(photos, out, overwrite=True) == Summary(done=3)


def test_outputs_in_the_input_folder_are_no_inputs(photos: Path) -> None:
    plan = plan_folder(
        photos, photos, recursive=True, template="{stem}-x{scale}", values={"scale": "4"}
    )
    run_folder(plan, photos, copy, made_by=MODEL)
    again = plan_folder(
        photos,
        photos,
        recursive=True,
        template="{stem}-x{scale}",
        values={"scale": "4"},
        made_before=outputs_made(photos),
    )
    assert [t.name for t in again.tasks] == ["a-x4.png", "b-x4.png", "deep/er/c-x4.png"]
    assert job(photos, photos / "out") == Summary(done=6)
    assert len(plan_folder(photos, photos / "out", recursive=True).tasks) == 6


def test_videos_are_left_aside_with_a_word(photos: Path, tmp_path: Path) -> None:
    assert plan_folder(photos, tmp_path / "out", recursive=True).notices == ()
    (photos / "notes.txt").write_bytes(b"no video")
    for name in ("a.MP4", "b.mov", "deep/c.avi"):
        (photos / name).write_bytes(b"\0\0\0\x18ftypmp42")
    folders, videos = plan_folder(photos, tmp_path / "out").notices
    assert folders.endswith("in: 1 sub-folder is left aside; -r takes sub-folders as well")
    assert videos.endswith("in: 2 videos are left aside; `srgan video` enlarges videos")
    assert plan_folder(photos, photos / "deep").notices == (videos,)
    assert "3 videos are" in plan_folder(photos, tmp_path / "out", recursive=True).notices[0]


VIDEOS = {  # FFmpeg's name of a container: a codec that it takes
    "mp4": "libx264",
    "mov": "libx264",
    "matroska": "libx264",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
    "mpegts": "libx264",
    "mpeg": "mpeg2video",
    "mpeg2video": "mpeg2video",
    "flv": "flv",
    "asf": "mpeg4",
    "ogg": "libtheora",
    "ivf": "libvpx-vp9",
    "mxf": "mpeg2video",
    "nut": "mpeg4",
}


def test_content_decides_what_is_a_video(photos: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    for kind, codec in VIDEOS.items():
        if codec not in av.codecs_available:
            continue
        clip = photos / f"clip of {kind}"
        with av.open(str(clip), "w", format=kind) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(3):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8))
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        (*_, notice) = plan_folder(photos, tmp_path / "out").notices
        assert "in: 1 video is left aside" in notice, kind
        with pytest.raises(ImageRefused, match="`srgan video` enlarges videos"):
            read_picture(clip)
        clip.unlink()


def test_a_suffix_makes_no_video(photos: Path, tmp_path: Path) -> None:
    pixel(photos / "photo.mp4")
    for name, content in (
        ("notes.mp4", b"What was said of the free lunch: G."),
        ("code.ts", b"export const G = 1;" * 30),
        ("song.m4a", b"\0\0\0\x18ftypM4A "),
        ("song.mka", b"\x1aE\xdf\xa3"),
        ("song.ogg", b"OggS".ljust(28, b"\0") + b"\1vorbis"),
        ("none.mov", b""),
    ):
        (photos / name).write_bytes(content)
    plan = plan_folder(photos, tmp_path / "out", recursive=True)
    assert plan.notices == ()
    assert [task.name for task in plan.tasks] == ["a.png", "b.png", "photo.png", "deep/er/c.png"]


def test_two_inputs_for_one_output_are_refused_before_the_start(tmp_path: Path) -> None:
    pixel(tmp_path / "in/a.png")
    pixel(tmp_path / "in/a.webp")
    with pytest.raises(UsageError, match=r"a\.png and .*a\.webp would both become"):
        plan_folder(tmp_path / "in", tmp_path / "out", format="jpg")
    plan = plan_folder(tmp_path / "in", tmp_path / "out", format="jpg", template="{stem}-{ext}")
    assert [t.name for t in plan.tasks] == ["a-png.jpg", "a-webp.jpg"]
    with pytest.raises(UsageError, match="would replace an input"):
        plan_folder(tmp_path / "in", tmp_path / "in")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("template", ["{stem", "fixed", "{stem}/{x}", "../{stem}", "{stem}{0}"])
def test_templates_without_meaning(template: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name template"):
        plan_folder(photos, tmp_path / "out", template=template)


def test_content_decides_and_other_files_are_left_aside(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    pixel(folder / "really-png.jpg")
    pixel(folder / "bare")
    (folder / "notes.txt").write_text("not a picture")
    (folder / "broken.jpg").write_text("not a picture either")
    (folder / "drawing.svg").write_text("<svg/>")
    os.mkfifo(folder / "pipe.png")
    events: list[Event] = []
    summary = job(folder, tmp_path / "out", report=events.append)
    assert summary == Summary(done=2, refused=3)
    assert summary.exit_status == 1
    assert tree(tmp_path / "out") == ["bare.png", "really-png.png"]
    reasons = {Path(e.input).name: e.reason for e in events}
    assert "SVG" in reasons["drawing.svg"]
    assert "known format" in reasons["broken.jpg"]
    assert reasons["pipe.png"] == "is not a regular file"


def test_what_macos_writes_beside_a_photo_is_left_aside(photos: Path, tmp_path: Path) -> None:
    (photos / "._a.png").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    (photos / "._b.png").write_bytes(pixel(tmp_path / "true.png").read_bytes())
    names = [task.input.name for task in plan_folder(photos, tmp_path / "out").tasks]
    assert sorted(names) == ["._b.png", "a.png", "b.png"]


def test_a_folder_that_cannot_be_read_is_a_refusal(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pictures are missed: that is no status 0."""
    closed = photos / "deep"
    scan = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    events: list[Event] = []
    summary = job(photos, tmp_path / "out", report=events.append)
    assert (summary.refused, summary.exit_status) == (1, 1)
    assert (events[0].input, events[0].reason) == (
        str(closed),
        "cannot be read: Permission denied",
    )


def test_links_are_not_followed_out_of_the_folder(photos: Path, tmp_path: Path) -> None:
    pixel(tmp_path / "elsewhere/x.png")
    (photos / "loop").symlink_to(photos)
    (photos / "out.png").symlink_to(tmp_path / "elsewhere/x.png")
    (photos / "same.png").symlink_to(photos / "a.png")
    plan = plan_folder(photos, tmp_path / "out", recursive=True)
    assert [t.name for t in plan.tasks] == ["a.png", "b.png", "same.png", "deep/er/c.png"]
    assert len(plan.notices) == 2


def test_a_link_to_itself_is_one_line_and_the_job_goes_on(photos: Path, tmp_path: Path) -> None:
    (photos / "round.png").symlink_to("round.png")
    events: list[Event] = []
    summary = job(photos, tmp_path / "out", report=events.append)
    assert (summary.done, summary.refused) == (3, 1)
    assert [Path(e.input).name for e in events if e.status == "refused"] == ["round.png"]


def test_a_name_that_is_too_long_is_one_line_and_the_job_goes_on(
    photos: Path, tmp_path: Path
) -> None:
    (photos / "a.png").rename(photos / ("a" * 250 + ".png"))
    plan = plan_folder(photos, tmp_path / "out", recursive=True, template="{stem}-{ext}")
    events: list[Event] = []
    summary = run_folder(plan, tmp_path / "out", copy, made_by=MODEL, report=events.append)
    assert (summary.done, summary.failed, summary.stopped) == (2, 1, "")
    assert next(e.reason for e in events if e.status == "failed").endswith("name too long")


def test_odd_names_work(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = ["-dash.png", "new\nline.png", "ü" * 120 + ".png", os.fsdecode(b"\xff\xfe.png")]
    for name in names:
        pixel(folder / name)
    events: list[Event] = []
    assert job(folder, tmp_path / "out", report=events.append) == Summary(done=4)
    assert job(folder, tmp_path / "out", resume=True) == Summary(skipped=4)
    assert all(e.as_json().isascii() and "\n" not in e.as_json() for e in events)
    assert sorted(tree(tmp_path / "out")) == sorted(names)


def test_one_failure_is_one_line_and_the_job_goes_on(photos: Path, tmp_path: Path) -> None:
    def sometimes(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
        if task.name == "a.png":
            raise ImageRefused(f"{task.input}: damaged")
        if task.name == "b.png":
            raise RuntimeError("a\nbug")
        return copy(task, replace, stop)

    events: list[Event] = []
    summary = job(photos, tmp_path / "out", sometimes, report=events.append)
    assert summary == Summary(done=1, refused=1, failed=1)
    assert [e.reason for e in events] == ["damaged", "RuntimeError: a bug", ""]
    assert job(photos, tmp_path / "out", resume=True) == Summary(done=2, skipped=1)


def test_a_full_disk_stops_the_job(photos: Path, tmp_path: Path) -> None:
    def full(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
        raise OutputFailed("full") from OSError(errno.ENOSPC, "No space left on device")

    summary = job(photos, tmp_path / "out", full)
    assert summary.failed == 1
    assert summary.stopped.startswith("No space left on device")
    assert job(photos, tmp_path / "out", resume=True) == Summary(done=3)


def test_a_stopped_job_goes_on_where_it_was(photos: Path, tmp_path: Path) -> None:
    asked = threading.Event()

    def first_then_stop(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
        if asked.is_set():
            raise Cancelled("cancelled")
        asked.set()
        return copy(task, replace, stop)

    out = tmp_path / "out"
    summary = job(photos, out, first_then_stop, stop=asked.is_set)
    assert (summary.done, summary.exit_status) == (1, 1)
    assert job(photos, out, resume=True) == Summary(done=2, skipped=1)


def test_processes_share_a_folder(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    both: list[Summary] = []

    def with_a_rival(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
        if not both:
            both.append(Summary())
            # While this one is being made a second job starts, and takes all the others.
            both[0] = job(photos, out, overwrite=True)
        return copy(task, replace, stop)

    mine = job(photos, out, with_a_rival)
    assert both[0] == Summary(done=2, skipped=1)
    assert mine == Summary(done=1, skipped=2)


def test_workers_do_each_picture_once(tmp_path: Path) -> None:
    for k in range(20):
        pixel(tmp_path / f"in/{k}.png", k)
    seen: list[str] = []

    def noted(task: Task, replace: bool, stop: Callable[[], bool]) -> Iterable[str]:
        seen.append(task.name)
        return copy(task, replace, stop)

    assert job(tmp_path / "in", tmp_path / "out", noted, workers=4) == Summary(done=20)
    assert len(seen) == len(set(seen)) == 20


def test_a_claim_of_a_dead_process_is_made_again(tmp_path: Path) -> None:
    work = Work("a.png", "in/a.png", "content", "model")
    with Journal(tmp_path) as dying:
        assert dying.claim(work, redo=False, replace=False) is Claim.MINE
        with Journal(tmp_path) as other:
            assert other.claim(work, redo=False, replace=False) is Claim.TAKEN
    (tmp_path / "a.png").touch()
    with Journal(tmp_path) as heir:
        assert heir.claim(work, redo=False, replace=False) is Claim.AGAIN
        heir.finish("a.png")
    with Journal(tmp_path) as later:
        assert later.claim(work, redo=False, replace=False) is Claim.DONE


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(b"no database" * 100)
    with pytest.raises(OutputFailed, match="remove it and run again"), Journal(tmp_path):
        pass


def _space(
    tasks: tuple[Task, ...], output: Path, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What is said of outputs of so many pixels each where 10 MB are free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    return check_space(tasks, output, size_of=lambda *_: (1, pixels), limits=Limits())


def test_only_what_surely_does_not_fit_is_refused_before_the_start(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    tasks = plan_folder(photos, out, recursive=True).tasks
    assert _space(tasks, out, 3_000_000, monkeypatch) == ""
    said = _space(tasks, out, 4_000_000, monkeypatch)
    assert "photos would need at least 12.0 MB and 10.0 MB are free; a full disk stops" in said
    with pytest.raises(OutputFailed, match=r"at least 11\.6 MB are needed and 10\.0 MB are free"):
        _space(tasks, out, 4_000_000_000, monkeypatch)
    maps = plan_folder(photos, out, recursive=True, format="bmp").tasks
    with pytest.raises(OutputFailed, match=r"at least 12\.0 MB are needed"):
        _space(maps, out, 4_000_000, monkeypatch)


def test_names_that_macos_takes_for_one_are_one_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixel(tmp_path / "in/Caf\u00e9.png")
    pixel(tmp_path / "in/cafe\u0301.webp")
    plan = plan_folder(tmp_path / "in", tmp_path / "in/out", format="jpg", recursive=True)
    assert len(plan.tasks) == 2
    pixel(tmp_path / "in/out/a.png")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match="would both become"):
        plan_folder(tmp_path / "in", tmp_path / "out", format="jpg")
    (tmp_path / "in/Caf\u00e9.png").unlink()
    plan = plan_folder(tmp_path / "in", tmp_path / "in/OUT", format="jpg", recursive=True)
    assert [task.input.name for task in plan.tasks] == ["cafe\u0301.webp"]


def test_a_drive_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def gone(path: Path) -> bool:
        asked.append(path)
        assert len(asked) < 10, "a drive's parent is the drive"
        return False

    def usage(path: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "no such drive", str(path))

    monkeypatch.setattr(Path, "exists", gone)
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(OutputFailed, match="/photos/large: cannot be written: no such drive"):
        check_space((), Path("/photos/large"), size_of=lambda *_: (1, 1), limits=Limits())


def test_what_is_done_needs_no_space_when_a_job_goes_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    tasks = plan_folder(photos, out, recursive=True).tasks
    job(photos, out)
    (out / "a.png").unlink()
    assert _space(tasks, out, 9_000_000, monkeypatch) == ""
    assert "at least 11.0 MB" in _space(tasks, out, 11_000_000, monkeypatch)


def test_an_animation_surely_needs_the_space_of_one_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    frames = [Image.new("L", (8, 8), i) for i in range(9)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    still = plan_folder(folder, out, format="bmp").tasks
    assert _space(still, out, 3_000_000, monkeypatch) == ""
    moving = plan_folder(folder, out, format="png").tasks
    assert "at least 27.0 MB" in _space(moving, out, 3_000_000, monkeypatch)


@pytest.mark.parametrize("kind", _SURE_BYTES)
def test_no_picture_takes_less_than_what_is_refused(kind: str, tmp_path: Path) -> None:
    flat = Picture((Frame(np.full((1024, 1024, 1), 128, np.uint8)),))
    path = tmp_path / f"flat.{kind.lower()}"
    write_picture(flat, path)
    size = path.stat().st_size
    assert _SURE_BYTES[kind] * 1024**2 <= size
    assert size < (1.01 if kind == "BMP" else 0.07) * 1024**2


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_any_stem_gives_a_name_in_the_same_folder(stem: str) -> None:
    from pathlib import PurePath

    from srgan.image.formats import FORMATS
    from srgan.inference.scan import _name

    relative = PurePath("deep") / (stem + ".png")
    name = _name(Path(relative), "{stem}-x{scale}", None, FORMATS["PNG"], {"scale": "4"})
    assert name.parent == PurePath("deep")
    assert name.name == relative.stem + "-x4.png"
