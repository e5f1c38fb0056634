"""Videos: the right colours, upright, in shape, of the same depth."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.clips import HEIGHT, WIDTH, decoded, flat, make_clip, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.inference.upscaler import Image
from srgan.inference.video import survey
from srgan.inference.video.colour import Colours, side_data, turn_of
from srgan.inference.video.job import VideoOptions, upscale_video
from srgan.inference.video.light import SCREEN as SCREEN_DATA
from srgan.inference.video.light import Light, light_of
from srgan.inference.video.sites import chroma_site

BICUBIC = Interpolation("bicubic")
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}
LIMITED, FULL = 1, 2
RGB = [
    (200, 30, 40),
    (20, 160, 70),
    (40, 50, 210),
    (230, 220, 30),
    (128, 128, 128),
    (250, 250, 250),
]


def samples(rgb: tuple[int, int, int], matrix: int, full: bool, bits: int = 8) -> list[int]:
    """Luma and chroma of a colour by H.273's equations."""
    kr, kb = KR_KB[matrix]
    red, green, blue = (c / 255 for c in rgb)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    unit = 1 << (bits - 8)
    if full:
        most = (1 << bits) - 1
        values = [most * luma, *(128 * unit + most * c for c in chroma)]
    else:
        values = [unit * (16 + 219 * luma), *(unit * (128 + 224 * c) for c in chroma)]
    return [round(v) for v in values]


class Seeing:
    """Every pixel twice; keeps what it was given."""

    scale = 2

    def __init__(self) -> None:
        self.seen: list[Image] = []

    def __call__(self, image: Image) -> Image:
        self.seen.append(image.copy())
        return image.repeat(2, axis=0).repeat(2, axis=1)


def planes(path: Path) -> tuple[list[NDArray[Any]], Any]:
    """The planes of a video's first frame, and its stream's context."""
    with av.open(str(path)) as made:
        frame = next(made.decode(video=0))
        kind = np.uint16 if "10" in frame.format.name else np.uint8
        found = [
            np.frombuffer(p, kind).reshape(p.height, -1)[:, : p.width].copy() for p in frame.planes
        ]
        stream = made.streams.video[0]
        return found, {
            "format": frame.format.name,
            "matrix": stream.codec_context.colorspace,
            "range": stream.codec_context.color_range,
            "primaries": stream.codec_context.color_primaries,
            "transfer": stream.codec_context.color_trc,
            "aspect": stream.sample_aspect_ratio,
        }


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("pix_fmt", "matrix", "range_"),
    [
        ("yuv420p", 1, LIMITED),
        ("yuv420p", 6, LIMITED),
        ("yuv420p", 5, LIMITED),
        ("yuv420p", 1, FULL),
        ("yuv420p", 6, FULL),
        ("yuv444p", 1, LIMITED),
        ("yuv422p", 6, LIMITED),
        ("yuv420p10le", 9, LIMITED),
        ("yuv420p10le", 1, FULL),
    ],
)
def test_a_flat_colour_comes_back(
    tmp_path: Path, pix_fmt: str, matrix: int, range_: int, suffix: str
) -> None:
    bits = 10 if "10" in pix_fmt else 8
    given = [samples(rgb, matrix, range_ == FULL, bits) for rgb in RGB]
    for rgb, wanted in zip(RGB, given, strict=True):
        clip = make_clip(
            tmp_path / f"clip{suffix}",
            [flat((wanted[0], wanted[1], wanted[2]), pix_fmt=pix_fmt)],
            pix_fmt=pix_fmt,
            colour=(matrix, range_),
            options={"crf": "0" if bits == 8 else "1"},
        )
        seeing = Seeing()
        options = VideoOptions(scale=2, crf=0 if bits == 8 else 1, overwrite=True)
        done = upscale_video(clip, tmp_path / f"big{suffix}", seeing, options)
        np.testing.assert_allclose(255 * seeing.seen[0][9, 9], rgb, atol=2.0)
        found, tags = planes(done.target)
        for plane, value in zip(found, wanted, strict=True):
            assert np.abs(plane.astype(int) - value).max() <= (1 if bits == 8 else 3)
        assert (tags["matrix"], tags["range"]) == (matrix, range_)
        assert (tags["primaries"], tags["transfer"]) == (1, 1)
        assert ("10" in tags["format"]) == (bits == 10)
        assert done.notices == ()


@pytest.mark.parametrize(("height", "width", "matrix"), [(24, 32, 6), (720, 1280, 1)])
def test_a_video_that_names_no_matrix_is_read_as_players_do_and_named(
    tmp_path: Path, height: int, width: int, matrix: int
) -> None:
    y, u, v = samples(RGB[0], matrix, False)
    clip = make_clip(
        tmp_path / "clip.mp4",
        [flat((y, u, v), height=height, width=width)],
        colour=(2, 0),
        options={"crf": "0", "preset": "ultrafast"},
    )
    seeing = Seeing()
    done = upscale_video(
        clip,
        tmp_path / "big.mp4",
        seeing,
        VideoOptions(size=(1440, 2560), crf=0) if height == 720 else VideoOptions(scale=2, crf=0),
    )
    np.testing.assert_allclose(255 * seeing.seen[0][9, 9], RGB[0], atol=2.0)
    # Else a small video, once it is large, would be shown by the other matrix.
    assert planes(done.target)[1]["matrix"] == matrix


@pytest.mark.parametrize(
    ("codec", "options", "left_of"),
    [
        ("libx264", {"crf": "0"}, 0),
        ("libx264", {"crf": "0", "x264-params": "chromaloc=1"}, 0.5),
        ("libx264", {"crf": "0", "x264-params": "chromaloc=2"}, 0),
        ("ffv1", {"level": "3"}, 0),
        ("mpeg1video", {"qmin": "1", "q": "1"}, 0.5),
    ],
)
def test_chroma_stays_where_it_was(
    tmp_path: Path, codec: str, options: dict[str, str], left_of: float
) -> None:
    ramp = np.arange(32)
    frame = flat((128, 128, 128), height=32, width=64)
    rows = np.zeros((frame.planes[1].height, frame.planes[1].line_size), np.uint8)
    rows[:, :32] = 60 + 4 * ramp
    frame.planes[1].update(rows.tobytes())
    clip = make_clip(tmp_path / "clip.mkv", [frame], codec=codec, options=options)
    done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(crf=0))
    (_, found, _), _ = planes(done.target)
    # Sample j lies on the left of two pixels, at 2j, which is (2j + 1/2) / 4 - 1/2 in the input.
    at = (2 * np.arange(128) + 0.5) / 4 - 0.5 - left_of
    off = found[20, 16:112] - (60 + 2 * at[16:112])
    assert abs(off.mean()) < 0.3  # half a pixel of the input would be 1


def test_chroma_on_the_first_of_two_rows_stays_there(tmp_path: Path) -> None:
    made = {}
    for place in (0, 2):
        frame = flat((128, 128, 128), height=64, width=32)
        plane = frame.planes[1]
        rows = np.repeat((60 + 4 * np.arange(32, dtype=np.uint8))[:, None], plane.line_size, 1)
        plane.update(rows.tobytes())
        how = {"crf": "0", "x264-params": f"chromaloc={place}"}
        clip = make_clip(tmp_path / "clip.mkv", [frame], options=how)
        seeing = Seeing()
        upscale_video(clip, tmp_path / "big.mkv", seeing, VideoOptions(scale=2, overwrite=True))
        made[place] = seeing.seen[0][16:48, 9, 2]  # blue
    # The ramp, of 2 a row, lies half a row higher; 1.8556 is blue by BT.709's blue difference.
    risen = 255 * (made[2] - made[0]).mean()
    assert risen == pytest.approx(1 * 1.8556 * 255 / 224, abs=0.4)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_out_upright(tmp_path: Path, degrees: int) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [scene(0), scene(5)], rotation=degrees)
    done = upscale_video(clip, tmp_path / "big.mp4", BICUBIC, VideoOptions(scale=2))
    upright = np.rot90(scene(5), degrees // 90)
    assert done.size_in == upright.shape[:2]
    with av.open(str(done.target)) as made:
        frames = list(made.decode(video=0))
        assert [frame.rotation for frame in frames] == [0, 0]
        big = frames[1].to_ndarray(format="rgb24").astype(int)
    shown = big.reshape(upright.shape[0], 2, upright.shape[1], 2, 3).mean(axis=(1, 3))
    assert np.abs(shown - upright).mean() < 12
    assert np.abs(shown - upright[::-1, ::-1]).mean() > 40


@pytest.mark.parametrize("degrees", [0, 90, 180, -180, -90])
def test_a_frame_with_side_data_that_pyav_does_not_know_is_turned_too(degrees: int) -> None:
    class Frame:
        rotation = degrees

        @property
        def side_data(self) -> Any:
            raise ValueError("99 is not a valid Type")

    turn = turn_of(Frame())
    assert turn is not None
    np.testing.assert_array_equal(turn(scene(0)), np.rot90(scene(0), degrees // 90))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("rotation", "options", "expected"),
    [
        (0, {"scale": 2}, Fraction(16, 11)),
        (90, {"scale": 2}, Fraction(11, 16)),
        (0, {"size": (66, 128)}, Fraction(1)),
    ],
)
def test_pixels_that_are_no_squares_keep_their_shape(
    tmp_path: Path, rotation: int, options: dict[str, Any], expected: Fraction, suffix: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", [scene(0)], aspect=Fraction(16, 11), rotation=rotation)
    done = upscale_video(clip, tmp_path / f"big{suffix}", BICUBIC, VideoOptions(**options))
    assert planes(done.target)[1]["aspect"] == expected


def test_interlaced_fields_become_whole_frames_at_the_same_times(tmp_path: Path) -> None:
    frames = []
    for i in range(8):  # a bar that moves 4 pixels from one field to the next
        frame = np.full((HEIGHT * 2, WIDTH * 2, 3), 40, np.uint8)
        for field in range(2):
            left = 4 * (2 * i + field)
            frame[field::2, left : left + 12] = 200
        frames.append(frame)
    flags = int(av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me)
    clip = make_clip(
        tmp_path / "clip.mkv", frames, flags=flags, options={"crf": "1", "x264-params": "tff=1"}
    )
    done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(scale=2))
    assert "interlaced" in str(done.notices)
    assert times(done.target) == times(clip)

    def combed(frame: NDArray[Any]) -> float:
        luma = frame[..., 1].astype(float)
        step = luma.shape[0] // (2 * HEIGHT)
        rows = luma[step // 2 :: step]
        return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())

    assert combed(decoded(clip)[4]) > 10
    assert combed(decoded(done.target)[4]) < 3


def test_interlaced_frames_too_small_for_fields_are_left_as_they_are(tmp_path: Path) -> None:
    flags = int(av.codec.context.Flags.interlaced_dct)
    how = {"flags": flags, "codec": "mpeg2video", "options": {"q": "2"}}
    for height, told in [(6, False), (8, True)]:
        frames = [scene(i, height, 16) for i in range(3)]
        clip = make_clip(tmp_path / "clip.mkv", frames, **how)
        done = upscale_video(
            clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(scale=2, overwrite=True)
        )
        assert (done.frames, done.size_out) == (3, (2 * height, 32))
        assert ("interlaced" in str(done.notices)) == told


def test_what_is_lost_of_depth_and_opacity_is_said(tmp_path: Path) -> None:
    deep = make_clip(
        tmp_path / "deep.mkv", [flat((512, 512, 512), pix_fmt="yuv420p10le")], pix_fmt="yuv420p10le"
    )
    done = upscale_video(deep, tmp_path / "a.webm", BICUBIC, VideoOptions(codec="vp9"))
    assert "vp9 is written with 8 bits: 10 are rounded" in done.notices
    clear = make_clip(tmp_path / "clear.mkv", [scene(0)], codec="ffv1", pix_fmt="yuva420p")
    done = upscale_video(clear, tmp_path / "b.mkv", BICUBIC, VideoOptions())
    assert "h264 is written without opacity: left out" in done.notices


def test_rgb_is_read_and_lossless_is_lossless(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(0)], codec="ffv1", pix_fmt="bgr0", colour=(2, 0))
    seeing = Seeing()
    done = upscale_video(clip, tmp_path / "big.mkv", seeing, VideoOptions(scale=2, codec="ffv1"))
    np.testing.assert_array_equal(np.rint(255 * seeing.seen[0]), scene(0))
    (luma, *_), tags = planes(done.target)
    assert (tags["format"], tags["matrix"], tags["range"]) == ("yuv444p", 1, LIMITED)
    rgb = scene(0)[10, 10].astype(float)
    expected = 16 + 219 / 255 * (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2])
    assert abs(float(luma[20, 20]) - expected) <= 1.0


@pytest.mark.parametrize(("suffix", "tag"), [(".mp4", "hvc1"), (".mov", "hvc1"), (".mkv", None)])
def test_ten_bits_are_written_as_what_devices_play(
    tmp_path: Path, suffix: str, tag: str | None
) -> None:
    frames = [scene(i) for i in range(3)]
    clip = make_clip(
        tmp_path / "clip.mp4", frames, codec="libx265", pix_fmt="yuv420p10le", options=None
    )
    done = upscale_video(clip, tmp_path / f"big{suffix}", BICUBIC, VideoOptions())
    assert done.codec == "hevc"
    with av.open(str(done.target)) as made:
        context = made.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("hevc", "yuv420p10le")
        if tag:
            assert context.codec_tag == tag
    plain = make_clip(tmp_path / "plain.mp4", frames, codec="libx265")
    assert upscale_video(plain, tmp_path / "p.mp4", BICUBIC, VideoOptions()).codec == "h264"
    asked = VideoOptions(codec="h264", overwrite=True)
    assert upscale_video(clip, done.target, BICUBIC, asked).codec == "h264"
    webm = upscale_video(clip, tmp_path / "big.webm", BICUBIC, VideoOptions())
    assert webm.codec == "av1"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hevc_of_few_frames_has_times_of_decoding(tmp_path: Path, count: int) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(i) for i in range(count)])
    for _ in range(8):  # without them it fails about once in ten times
        done = upscale_video(
            clip, tmp_path / "big.mp4", BICUBIC, VideoOptions(codec="hevc", overwrite=True)
        )
        assert done.frames == count


def test_opacity_of_webm_which_its_decoder_does_not_show_is_said(tmp_path: Path) -> None:
    frames = [scene(i) for i in range(2)]
    clip = make_clip(tmp_path / "clip.webm", frames, codec="libvpx-vp9", pix_fmt="yuva420p")
    done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, VideoOptions())
    assert "h264 is written without opacity: left out" in done.notices
    with av.open(str(done.target)) as made:
        assert "alpha_mode" not in {key.casefold() for key in made.streams.video[0].metadata}


MADE_FOR = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
SCREEN = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 0.005, 1000)


def hdr10(path: Path, more: str = "") -> Path:
    """Two frames of PQ in BT.2020."""
    means = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    return make_clip(
        path,
        [scene(i, 64, 64) for i in range(2)],
        codec="libx265",
        pix_fmt="yuv420p10le",
        colour=(9, LIMITED),
        options={"x265-params": f"{means}{more}"},
    )


def light(path: Path) -> Light:
    with av.open(str(path)) as made:
        return light_of(side_data(next(made.decode(video=0))))


@pytest.mark.parametrize(
    ("target", "codec"),
    [("big.mp4", None), ("big.mkv", "hevc"), ("big.mkv", "h264"), ("big.webm", "av1")],
)
def test_the_screen_and_brightness_of_hdr10_are_kept(
    tmp_path: Path, target: str, codec: str | None
) -> None:
    clip = hdr10(tmp_path / "clip.mkv", f":master-display={MADE_FOR}:max-cll=1000,400")
    done = upscale_video(
        clip, tmp_path / target, BICUBIC, VideoOptions(scale=2, codec=codec, threads=1)
    )
    assert done.notices == ()
    found = light(done.target)
    assert found.screen is not None
    assert [float(n) for n in found.screen] == pytest.approx(SCREEN, rel=1e-3)
    assert found.brightness == (1000, 400)
    tags = planes(done.target)[1]
    assert [tags[name] for name in ("matrix", "primaries", "transfer")] == [9, 9, 16]


def test_what_of_hdr10_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    for more, brightness in (("", None), (":max-cll=600,90", (600, 90))):
        clip = hdr10(tmp_path / "clip.mkv", more)
        options = VideoOptions(scale=2, overwrite=True)
        done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, options)
        assert light(done.target) == Light(None, brightness)


def test_hdr10_that_a_codec_cannot_say_is_said_to_be_lost(tmp_path: Path) -> None:
    clip = hdr10(tmp_path / "clip.mkv", f":master-display={MADE_FOR}")
    done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(scale=2, codec="ffv1"))
    assert done.notices == (
        "ffv1 is written without HDR10's data on screen and brightness: left out",
    )


def test_damaged_light_is_none() -> None:
    ten = np.array([1, 2] * 10 + [1, 1], np.int32)
    whole = ten.tobytes()
    assert light_of({SCREEN_DATA: whole}).screen == (Fraction(1, 2),) * 10
    ten[3] = 0
    assert not light_of({SCREEN_DATA: ten.tobytes(), "CONTENT_LIGHT_LEVEL": bytes(8)})
    assert not light_of({SCREEN_DATA: whole[:40]})


TWO_EYES = "mark as pictures for two eyes"


@pytest.mark.parametrize(
    ("packing", "target", "said"),
    [
        (None, "big.mp4", ()),
        ("frame-packing=3", "big.mp4", (f"its {TWO_EYES} cannot be kept: left out",)),
        ("tag", "big.mkv", ()),
        ("tag", "big.mp4", (f"MP4 has no place for its {TWO_EYES}: left out",)),
    ],
)
def test_pictures_for_two_eyes_are_marked_or_it_is_said(
    tmp_path: Path, packing: str | None, target: str, said: tuple[str, ...]
) -> None:
    def more(out: Any) -> None:
        if packing == "tag":
            out.streams.video[0].metadata["stereo_mode"] = "left_right"

    options = {"crf": "1"}
    if packing not in (None, "tag"):
        options["x264-params"] = str(packing)
    clip = make_clip(
        tmp_path / "clip.mkv", [scene(i) for i in range(2)], more=more, options=options
    )
    done = upscale_video(clip, tmp_path / target, BICUBIC, VideoOptions(scale=2))
    assert done.notices == said
    with av.open(str(done.target)) as made:
        kept = made.streams.video[0].metadata.get("stereo_mode")
    assert kept == ("left_right" if (packing, target) == ("tag", "big.mkv") else None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"SPHERICAL": b""}, "mark as a picture all around"),
        ({SCREEN_DATA: bytes(88)}, "incomplete data on the screen it was made for"),
    ],
)
def test_what_a_frame_carries_and_cannot_be_kept_is_said(
    tmp_path: Path, data: dict[str, bytes], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mkv", [scene(0)])
    monkeypatch.setattr(survey, "side_data", lambda frame: data)
    done = upscale_video(clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(scale=2))
    assert done.notices == (f"its {said} cannot be kept: left out",)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_where_chroma_lies_is_said_where_a_reader_would_take_it_for_elsewhere(
    tmp_path: Path, codec: str
) -> None:
    clip = hdr10(tmp_path / "clip.mkv")  # BT.2020, which is read as if on the first of two rows
    done = upscale_video(
        clip, tmp_path / "big.mkv", BICUBIC, VideoOptions(scale=2, codec=codec, threads=1)
    )
    with av.open(str(done.target)) as made:
        assert chroma_site(made.streams.video[0], Colours(9, False, 9, 16)) == "left"
