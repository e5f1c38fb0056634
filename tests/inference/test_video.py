"""Videos: every frame at its time, everything beside them as it was, whole or not at all."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from inference.clips import HEIGHT, WIDTH, Counting, decoded, make_clip, packets, scene, times
from srgan.classical.interpolation import Interpolation
from srgan.inference.open import load
from srgan.inference.upscale import upscale_array
from srgan.inference.video.boxes import shown_until
from srgan.inference.video.job import VideoDone, VideoOptions, default_output, upscale_video

SCENES = [scene(i) for i in range(12)]
UNEVEN = [0, 40, 90, 91, 150, 300, 301, 450, 600, 777, 1200, 1201]
BICUBIC = Interpolation("bicubic")


def enlarged(source: Path, target: Path, **options: Any) -> VideoDone:
    return upscale_video(source, target, BICUBIC, VideoOptions(**options))


def streams(path: Path) -> list[str]:
    with av.open(str(path)) as made:
        return [stream.type for stream in made.streams]


@pytest.mark.parametrize(
    ("source", "target", "time_base"),
    [
        ("clip.mp4", "big.mp4", Fraction(1, 1000)),
        ("clip.mp4", "big.mov", Fraction(1, 90000)),
        ("clip.mkv", "big.mkv", Fraction(1, 1000)),
        ("clip.mkv", "big.mp4", Fraction(1, 1000)),
        ("clip.mp4", "big.mkv", Fraction(1, 1000)),
    ],
)
def test_each_frame_keeps_its_time(
    tmp_path: Path, source: str, target: str, time_base: Fraction
) -> None:
    stamps = [n * 90 for n in UNEVEN] if time_base.denominator == 90000 else UNEVEN
    clip = make_clip(tmp_path / source, SCENES, pts=stamps, time_base=time_base)
    done = enlarged(clip, tmp_path / target)
    assert (done.size_in, done.size_out, done.frames) == ((24, 32), (96, 128), 12)
    assert times(done.target) == [Fraction(n, 1000) for n in UNEVEN]
    assert done.notices == ()
    assert all(frame.shape == (96, 128, 3) for frame in decoded(done.target))


@pytest.mark.parametrize(("codec", "suffix"), [("hevc", ".mov"), ("av1", ".mp4"), ("vp9", ".webm")])
def test_other_encoders_keep_times_too(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = make_clip(tmp_path / "clip.mkv", SCENES, pts=UNEVEN, time_base=Fraction(1, 1000))
    done = enlarged(clip, tmp_path / f"big{suffix}", codec=codec)
    assert done.codec == codec
    assert times(done.target) == [Fraction(n, 1000) for n in UNEVEN]


def test_times_that_are_no_milliseconds_are_rounded_in_matroska_and_it_is_said(
    tmp_path: Path,
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, time_base=Fraction(1, 30))
    done = enlarged(clip, tmp_path / "big.mkv")
    assert any("1/1000 s" in notice for notice in done.notices)
    off = [abs(a - b) for a, b in zip(times(done.target), times(clip), strict=True)]
    assert max(off) <= Fraction(1, 2000)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("reordered", [True, False])
def test_the_last_frame_lasts_as_long_as_it_did(
    tmp_path: Path, suffix: str, reordered: bool
) -> None:
    clip = make_clip(
        tmp_path / f"a{suffix}",
        SCENES,
        pts=UNEVEN,
        time_base=Fraction(1, 1000),
        last=70,
        options={"crf": "1", "bf": "3" if reordered else "0"},
    )
    target = enlarged(clip, tmp_path / f"b{suffix}").target
    if suffix == ".mkv":
        with av.open(str(target)) as made:
            assert made.duration == 1_271_000
    else:
        for path in (clip, target):
            with path.open("rb") as file:
                end = shown_until(file, 0)
            assert end is not None
            assert abs(end[0] - Fraction(1271, 1000)) <= Fraction(1, end[1])


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_index_is_in_front_of_the_data(tmp_path: Path, suffix: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    assert clip.read_bytes().index(b"moov") > clip.read_bytes().index(b"mdat")
    made = enlarged(clip, tmp_path / f"big{suffix}").target
    data = made.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert len(decoded(made)) == 12
    assert packets(made, "audio") == packets(clip, "audio")


def test_avi_that_only_says_when_to_decode_comes_out_in_its_rhythm(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", SCENES)  # with frames that refer to later ones
    done = enlarged(clip, default_output(clip, VideoOptions()))
    assert done.target.name == "clip_x4.mkv"
    assert times(done.target) == [Fraction(n, 25) for n in range(12)]
    assert done.notices == ()


def test_sound_and_picture_of_a_transport_stream_start_as_far_apart(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", SCENES, sound="aac")
    done = enlarged(clip, tmp_path / "big.mp4")
    apart = times(clip)[0] - packets(clip, "audio")[0][1]
    assert apart > 0
    assert times(done.target)[0] - packets(done.target, "audio")[0][1] == apart
    assert times(done.target)[0] < 1


@pytest.mark.parametrize("sound", ["aac", "libmp3lame", "libopus"])
def test_sound_is_copied_bit_for_bit(tmp_path: Path, sound: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound=sound)
    done = enlarged(clip, tmp_path / "big.mp4")
    assert len(packets(clip, "audio")) > 15
    assert packets(done.target, "audio") == packets(clip, "audio")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_no_frame_is_lost_where_the_picture_is_not_the_first_stream(
    tmp_path: Path, suffix: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")  # with frames that are reordered
    other = tmp_path / f"other{suffix}"
    with av.open(str(clip)) as source, av.open(str(other), "w") as out:
        given = sorted(source.streams, key=lambda stream: stream.type)
        made = {stream.index: out.add_stream_from_template(stream) for stream in given}
        for packet in source.demux():
            if packet.size:
                packet.stream = made[packet.stream_index]
                out.mux(packet)
    assert streams(other) == ["audio", "video"]
    done = enlarged(other, tmp_path / f"big{suffix}", scale=2)
    assert done.frames == 12
    assert times(done.target) == times(other)
    assert streams(done.target) == ["audio", "video"]


def test_between_containers_sound_moves_with_the_picture(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")  # the sound begins before 0
    done = enlarged(clip, tmp_path / "big.mkv")
    before, after = packets(clip, "audio"), packets(done.target, "audio")
    assert [data for data, _ in after] == [data for data, _ in before]
    moved = times(done.target)[0] - times(clip)[0]
    assert moved > 0
    assert all(
        abs(b - a - moved) <= Fraction(1, 1000)
        for (_, a), (_, b) in zip(before, after, strict=True)
    )
    assert any("21 ms later" in notice for notice in done.notices)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_that_an_edit_list_hides_is_not_heard(tmp_path: Path, suffix: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    cut = tmp_path / "cut.mp4"
    with av.open(str(clip)) as source, av.open(str(cut), "w") as out:
        made = [out.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts -= 9600  # a fifth of a second
                    packet.dts -= 9600
                packet.stream = made[packet.stream_index]
                out.mux(packet)
    done = enlarged(cut, tmp_path / f"big{suffix}")
    before, after = packets(cut, "audio"), packets(done.target, "audio")
    assert before[0][1] < Fraction(-1, 5)
    moved = times(done.target)[0] - times(cut)[0]
    if suffix == ".mp4":
        assert (after, moved) == (before, 0)
    else:
        assert 0 < moved < Fraction(1, 20)
        hidden = [at for _, at in before].index(next(at for _, at in before if at >= -0.05))
        assert [data for data, _ in after] == [data for data, _ in before[hidden:]]
        assert abs(after[0][1] - before[hidden][1] - moved) <= Fraction(1, 1000)


def heard(path: Path) -> NDArray[Any]:
    """The sound of a video at 48 kHz from 0 on, mono."""
    made: list[NDArray[Any]] = []
    to_floats = av.AudioResampler("flt", "mono", 48000)
    with av.open(str(path)) as video:
        for given in video.decode(audio=0):
            if not made:
                assert given.pts is not None
                made.append(np.zeros(max(0, round(given.pts * given.time_base * 48000))))
            made += [frame.to_ndarray()[0] for frame in to_floats.resample(given)]
    return np.concatenate(made)


@pytest.mark.parametrize(
    ("clip", "codec", "sound", "target", "becomes"),
    [
        ("clip.wmv", "wmv2", "wmav2", "big.mkv", "flac"),
        ("clip.wmv", "wmv2", "wmav2", "big.mp4", "aac"),
        ("clip.mov", "libx264", "pcm_s16be", "big.webm", "opus"),
        ("clip.mov", "libx264", "pcm_alaw", "big.mkv", "flac"),
        ("clip.avi", "mpeg4", "adpcm_ima_wav", "big.mov", "aac"),
        ("clip.mkv", "libx264", "flac", "big.mov", "aac"),
    ],
)
def test_sound_that_the_target_does_not_take_is_recoded_in_step_and_it_is_said(
    tmp_path: Path, clip: str, codec: str, sound: str, target: str, becomes: str
) -> None:
    stamps = [40 * i for i in range(12)]
    source = make_clip(
        tmp_path / clip, SCENES, codec=codec, sound=sound, pts=stamps, time_base=Fraction(1, 1000)
    )
    done = enlarged(source, tmp_path / target)
    (said,) = (notice for notice in done.notices if "1/1000 s" not in notice and "ms" not in notice)
    assert said.startswith(f"its sound ({sound}) cannot be copied into ")
    assert said.endswith(f": recoded to {becomes}")
    with av.open(str(done.target)) as made:
        assert becomes in made.streams.audio[0].codec_context.codec.name
    later = float(48000 * (times(done.target)[0] - times(source)[0]))
    before, after = (np.fft.rfft(heard(path), 65536) for path in (source, done.target))
    alike = np.fft.irfft(after * before.conj())
    lag = (int(alike.argmax()) + 32768) % 65536 - 32768
    assert abs(lag - later) <= 96  # 2 ms
    power = [(np.abs(np.fft.irfft(x)) ** 2).sum() for x in (before, after)]
    assert alike.max() > 0.97 * np.sqrt(power[0] * power[1])


@pytest.mark.parametrize(("target", "becomes"), [("big.mkv", "flac"), ("big.mp4", "aac")])
def test_sound_whose_header_is_lost_is_recoded_and_it_is_said(
    tmp_path: Path, target: str, becomes: str
) -> None:
    source = make_clip(tmp_path / "clip.mp4", SCENES, sound="aac")
    whole = heard(source)
    source.write_bytes(source.read_bytes().replace(b"esds", b"lost"))
    done = enlarged(source, tmp_path / target)
    assert done.notices == (f"the header of its sound (aac) is damaged: recoded to {becomes}",)
    with av.open(str(done.target)) as made:
        assert made.streams.audio[0].codec_context.extradata
    again = heard(done.target)
    assert abs(len(again) - len(whole)) <= 2048
    both = min(len(again), len(whole))
    assert np.corrcoef(again[:both], whole[:both])[0, 1] > 0.97


def furnish_chapters(out: Any) -> None:
    """Two chapters."""
    out.set_chapters(
        [
            {
                "id": i + 1,
                "start": start,
                "end": end,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": title},
            }
            for i, (start, end, title) in enumerate([(0, 200, "one"), (200, 480, "two")])
        ]
    )


def furnish(out: Any) -> Callable[[Any], None]:
    """Chapters, texts, a font, subtitles."""
    out.metadata.update({"title": "A clip", "artist": "Someone", "weather": "fine"})
    furnish_chapters(out)
    out.add_attachment("letters.ttf", "font/ttf", b"letters" * 9)
    return tracks(language="deu")(out)


def test_chapters_texts_fonts_and_subtitles_are_kept(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", SCENES, sound="libopus", more=furnish)
    done = enlarged(clip, tmp_path / "big.mkv")
    assert done.notices == ()
    assert packets(done.target, "subtitle") == packets(clip, "subtitle")
    assert packets(clip, "subtitle") == [(b"Hallo", Fraction(120, 1000))]
    with av.open(str(clip)) as before, av.open(str(done.target)) as after:
        assert after.chapters() == before.chapters()
        assert len(after.chapters()) == 2
        for key in ("title", "ARTIST", "WEATHER"):
            assert after.metadata[key] == before.metadata[key]
        assert [s.type for s in after.streams] == [s.type for s in before.streams]
        assert after.streams.subtitles[0].language == "deu"
        (font,) = (s for s in after.streams if s.type == "attachment")
        assert (font.name, font.data) == ("letters.ttf", b"letters" * 9)


def tracks(**of: Any) -> Callable[[Any], Callable[[Any], None]]:
    """A function that gives a video subtitles with these texts and marks."""
    marks = of.pop("marks", av.stream.Disposition(0))

    def more(out: Any) -> Callable[[Any], None]:
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        words.metadata.update(of)
        words.disposition = marks

        def speak(out: Any) -> None:
            packet = av.Packet(b"Hallo")
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = 120
            packet.duration = 200
            out.mux_one(packet)

        return speak

    return more


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_title_of_a_track_is_kept_from_kind_to_kind(tmp_path: Path, suffix: str) -> None:
    given = tracks(title="Kommentar", language="fra")
    source = make_clip(tmp_path / "clip.mkv", SCENES[:3], more=given)
    names = (f"a{suffix}", f"b{suffix}", "c.mkv", "d.webm")
    for name, key in zip(names, ("name", "name", "title", "title"), strict=True):
        source = enlarged(source, tmp_path / name, scale=2).target
        with av.open(str(source)) as made:
            (words,) = made.streams.subtitles
            assert words.metadata[key] == "Kommentar"
            assert words.language == "fra"


@pytest.mark.parametrize(
    ("language", "named", "again"),
    [
        ("deu", "ger", "deu"),
        ("fre", "fra", "fra"),
        ("swe", "sve", "swe"),
        ("hrv", "hr ", "hrv"),
        ("jpn", "jpn", "jpn"),
    ],
)
def test_languages_have_other_names_in_quicktime(
    tmp_path: Path, language: str, named: str, again: str
) -> None:
    source = make_clip(tmp_path / "clip.mkv", SCENES[:3], more=tracks(language=language))
    done = enlarged(source, tmp_path / "big.mov", scale=2)
    assert "language" not in str(done.notices)
    with av.open(str(done.target)) as made:
        assert made.streams.subtitles[0].language == named
    back = enlarged(done.target, tmp_path / "back.mp4", scale=2).target
    with av.open(str(back)) as made:
        assert made.streams.subtitles[0].language == again


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("big.mov", "language of subtitles (gsw), marks of subtitles (forced, hearing_impaired)"),
        ("big.webm", "marks of subtitles (hearing_impaired)"),
        ("big.mp4", ""),
        ("big.mkv", ""),
    ],
)
def test_languages_and_marks_that_have_no_place_are_said_to_be_lost(
    tmp_path: Path, target: str, said: str
) -> None:
    mark = av.stream.Disposition
    given = tracks(language="gsw", marks=mark.forced | mark.hearing_impaired)
    source = make_clip(tmp_path / "clip.mkv", SCENES[:3], more=given)
    done = enlarged(source, tmp_path / target, scale=2)
    lost = [n for n in done.notices if "language" in n or "marks" in n]
    assert [n.partition("for its ")[2] for n in lost] == [f"{said}: left out"] * bool(said)


@pytest.mark.parametrize("chapters", [False, True])
def test_data_of_a_camera_are_copied_with_chapters_and_without(
    tmp_path: Path, chapters: bool
) -> None:
    def more(out: Any) -> Callable[[Any], None]:
        data = out.add_data_stream("bin_data")
        data.time_base = Fraction(1, 1000)
        if chapters:
            furnish_chapters(out)

        def put(out: Any) -> None:
            for i in range(5):
                packet = av.Packet(b"place %d" % i)
                packet.stream, packet.time_base = data, Fraction(1, 1000)
                packet.pts = packet.dts = 80 * i
                packet.duration = 80
                out.mux_one(packet)

        return put

    clip = make_clip(tmp_path / "clip.mp4", SCENES, more=more)
    done = enlarged(clip, tmp_path / "big.mp4", scale=2)
    assert done.notices == ()
    assert packets(clip, "data") == [(b"place %d" % i, Fraction(8 * i, 100)) for i in range(5)]
    assert packets(done.target, "data") == packets(clip, "data")
    with av.open(str(done.target)) as made:
        assert len(made.chapters()) == 2 * chapters
    done = enlarged(clip, tmp_path / "big.mkv", scale=2)
    assert done.notices == ("Matroska has no place for its data (bin_data): left out",)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_chapter_without_a_title_does_not_take_the_next_ones(tmp_path: Path, suffix: str) -> None:
    def more(out: Any) -> None:
        out.set_chapters(
            [
                {
                    "id": i + 1,
                    "start": 160 * i,
                    "end": 160 * (i + 1),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title} if title else {},
                }
                for i, title in enumerate(["one", "", "three"])
            ]
        )

    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=more)
    done = enlarged(clip, tmp_path / f"big{suffix}", scale=2)
    with av.open(str(done.target)) as made:
        found = [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in made.chapters()]
    assert found == [(0, "one"), (Fraction(16, 100), ""), (Fraction(32, 100), "three")]


def test_stereo_of_avi_that_names_no_speakers_is_copied_into_mp4(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", SCENES, sound="pcm_s16le", speakers="stereo")
    with av.open(str(clip)) as made:
        assert made.streams.audio[0].layout.name == "2 channels"
    done = enlarged(clip, tmp_path / "big.mp4")
    assert b"".join(p for p, _ in packets(done.target, "audio")) == b"".join(
        p for p, _ in packets(clip, "audio")
    )


def many_channels(codec: str, format: str, count: int) -> Callable[[Any], Callable[[Any], None]]:
    """A function that gives a video sound of so many channels, half a second of silence."""

    def more(out: Any) -> Callable[[Any], None]:
        sound = out.add_stream(codec, rate=48000)
        layout = {3: "3.0", 4: "quad", 16: "hexadecagonal"}.get(count, "mono")
        sound.codec_context.layout, sound.codec_context.format = layout, format

        def put(out: Any) -> None:
            kind = np.float32 if format == "flt" else np.int16
            frame = av.AudioFrame.from_ndarray(
                np.full((1, 24000 * count), 0.3, kind), format, layout=layout
            )
            frame.sample_rate, frame.pts = 48000, 0
            out.mux(sound.encode(frame))
            out.mux(sound.encode(None))

        return put

    return more


@pytest.mark.parametrize("count", [3, 4, 16])
def test_sound_of_many_channels_that_matroska_names_no_speakers_of(
    tmp_path: Path, count: int
) -> None:
    sound = many_channels("pcm_s16le", "s16", count)
    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=sound)
    for suffix, most in ((".mkv", 16), (".mp4", 8)):
        done = enlarged(clip, tmp_path / f"big{suffix}", scale=2)
        with av.open(str(done.target)) as made:
            assert made.streams.audio[0].layout.nb_channels == (count if count <= most else 2)
        if count <= most:
            assert done.notices == ()
        else:
            assert done.notices == (
                "its sound (pcm_s16le) cannot be copied into MP4: recoded to aac, "
                "its 16 channels mixed to 2",
            )


def test_three_channels_are_not_mixed_to_two(tmp_path: Path) -> None:
    sound = many_channels("pcm_s16le", "s16", 3)
    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=sound)
    done = enlarged(clip, tmp_path / "big.webm", scale=2)
    with av.open(str(done.target)) as made:
        assert made.streams.audio[0].layout.name == "3.0"


def test_sound_of_more_than_16_bits_is_recoded_to_as_many_as_flac_has(tmp_path: Path) -> None:
    sound = many_channels("pcm_f32be", "flt", 1)
    clip = make_clip(tmp_path / "clip.mov", SCENES, more=sound)
    done = enlarged(clip, tmp_path / "big.mkv", scale=2)
    with av.open(str(done.target)) as made:
        frame = next(made.decode(audio=0))
        assert frame.format.name == "s32"
        assert abs(frame.to_ndarray()[0, 9] / 2**31 - 0.3) < 2**-23


@pytest.mark.parametrize(
    ("target", "becomes"),
    [("big.mp4", "mov_text"), ("big.mov", "mov_text"), ("big.webm", "webvtt")],
)
def test_subtitles_are_recoded_for_the_target_at_their_times(
    tmp_path: Path, target: str, becomes: str
) -> None:
    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=furnish)
    done = enlarged(clip, tmp_path / target)
    name = {".mp4": "MP4", ".mov": "QuickTime", ".webm": "WebM"}[done.target.suffix]
    assert f"its subtitles (srt) cannot be copied into {name}: recoded to {becomes}" in done.notices
    back = enlarged(done.target, tmp_path / "back.mkv", scale=1.5).target
    with av.open(str(back)) as made:
        assert made.streams.subtitles[0].language in ("deu", "ger")  # Matroska says the second
        shown = [p for p in made.demux(subtitles=0) if p.size]
        assert [(p.pts, p.duration) for p in shown] == [(120, 200)]
        assert b"Hallo" in bytes(shown[0])


def test_what_wrote_the_source_is_not_missed(tmp_path: Path) -> None:
    def more(out: Any) -> None:
        out.metadata.update({"software": "Lavf", "title": "A clip"})

    clip = make_clip(tmp_path / "clip.avi", SCENES, sound="libmp3lame", more=more)
    with av.open(str(clip)) as made:
        assert "Lavf" in made.metadata["software"]
    assert enlarged(clip, tmp_path / "big.mp4").notices == ()


def test_what_the_target_cannot_hold_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", SCENES, sound="libopus", more=furnish)
    done = enlarged(clip, tmp_path / "big.mp4")
    said = "\n".join(done.notices)
    for words in ("subtitles (srt)", "letters.ttf", "WEATHER"):
        assert words in said
    with av.open(str(done.target)) as made:
        assert made.metadata["title"] == "A clip"
        assert [c["metadata"]["title"] for c in made.chapters()] == ["one", "two"]
    again = enlarged(done.target, tmp_path / "again.mp4", scale=1.5)
    assert again.notices == ()  # the chapters' own track is made anew, once
    assert streams(again.target) == streams(done.target)


def covered(path: Path) -> bytes:
    """Write a video with a cover; returns the cover."""
    jpeg = io.BytesIO()
    Pillow.fromarray(scene(0, 64, 64)).save(jpeg, "JPEG")

    def more(out: Any) -> Callable[[Any], None]:
        picture = out.add_mux_stream("mjpeg", width=64, height=64)
        picture.disposition = av.stream.Disposition.attached_pic

        def put(out: Any) -> None:
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.time_base = picture, Fraction(1, 90000)
            packet.pts = packet.dts = 0
            packet.is_keyframe = True
            out.mux_one(packet)

        return put

    make_clip(path, SCENES, more=more)
    return jpeg.getvalue()


def covers(path: Path) -> list[bytes]:
    with av.open(str(path)) as made:
        found = [s for s in made.streams if s.disposition & av.stream.Disposition.attached_pic]
        return [bytes(p) for p in made.demux(*found) if p.size] if found else []


def test_a_cover_is_copied_and_not_taken_for_the_video(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    cover = covered(clip)
    for name in ("big.mp4", "big.mkv", "big_again.mkv"):
        done = enlarged(clip, tmp_path / name, scale=2)
        assert (done.frames, done.notices) == (12, ())
        assert done.size_in[0] * 2 == done.size_out[0]
        assert covers(done.target) == [cover]
        assert streams(done.target) == ["video", "video"]
        clip = done.target


@pytest.mark.parametrize(
    ("target", "said"),
    [("big.mov", "QuickTime has no place for its cover"), ("big.webm", "its picture (mjpeg)")],
)
def test_a_cover_that_has_no_place_is_said_to_be_left_out(
    tmp_path: Path, target: str, said: str
) -> None:
    covered(tmp_path / "clip.mp4")
    done = enlarged(tmp_path / "clip.mp4", tmp_path / target, scale=2)
    (notice,) = done.notices
    assert said in notice
    assert covers(done.target) == []


def test_a_frame_is_what_upscale_makes_of_it(tmp_path: Path) -> None:
    grays = [np.repeat(scene(i)[..., 2:], 3, axis=2) for i in range(3)]
    clip = make_clip(tmp_path / "clip.mp4", grays, options={"crf": "0"})
    fast = load("fast", threads=1)
    done = upscale_video(clip, tmp_path / "big.mp4", fast, VideoOptions(crf=1))
    for gray, big in zip(grays, decoded(done.target, src_colorspace=1), strict=True):
        expected = upscale_array(gray, fast, size=(4 * HEIGHT, 4 * WIDTH)).astype(int)
        assert np.abs(big - expected).mean() < 1.2
        assert np.abs(big[:, ::-1] - expected).mean() > 30


def test_frames_like_the_one_before_are_not_computed_again(tmp_path: Path) -> None:
    order = [0, 0, 0, 5, 5, 0]
    clip = make_clip(tmp_path / "clip.mkv", [SCENES[i] for i in order], codec="ffv1")
    counting = Counting()
    done = upscale_video(clip, tmp_path / "big.mkv", counting, VideoOptions(scale=2, codec="ffv1"))
    assert (counting.calls, done.reused, done.frames) == (3, 3, 6)
    frames = decoded(done.target)
    assert len(frames) == 6
    np.testing.assert_array_equal(frames[0], frames[5])
    assert np.abs(frames[0].astype(int) - frames[3]).mean() > 5


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"scale": 2}, (48, 64)),
        ({"scale": 1.5}, (36, 48)),
        ({"size": (90, 100)}, (90, 100)),
        ({"long_edge": 200}, (150, 200)),
        ({"size": (91, 101)}, (92, 102)),
    ],
)
def test_sizes(tmp_path: Path, asked: dict[str, Any], size: tuple[int, int]) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES[:2])
    done = enlarged(clip, tmp_path / "big.mp4", **asked)
    assert done.size_out == size
    assert decoded(done.target)[0].shape[:2] == size
    assert ("even sides: 102x92 instead of 101x91" in str(done.notices)) == (size == (92, 102))


def test_progress_is_told_in_frames(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SCENES)
    told: list[tuple[float, int]] = []
    looked: list[float] = []
    upscale_video(
        clip,
        tmp_path / "big.mp4",
        BICUBIC,
        VideoOptions(),
        looked=looked.append,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (12, 12)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert 0 < max(looked) <= 1


def test_a_time_code_is_written_anew_and_apple_texts_are_kept(tmp_path: Path) -> None:
    place = "com.apple.quicktime.location.ISO6709"

    def more(out: Any) -> None:
        out.streams[0].metadata["timecode"] = "01:00:00:00"
        out.metadata[place] = "+52.5+013.4/"

    texts = {"movflags": "use_metadata_tags"}
    clip = make_clip(tmp_path / "clip.mov", SCENES, more=more, container=texts)
    done = enlarged(clip, tmp_path / "big.mov")
    assert done.notices == ()
    assert streams(done.target) == streams(clip) == ["video", "data"]
    with av.open(str(done.target)) as made:
        assert made.metadata[place] == "+52.5+013.4/"
        assert made.streams[1].metadata["timecode"] == "01:00:00:00"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_time_code_of_the_file_is_not_said_to_be_lost(tmp_path: Path, suffix: str) -> None:
    def more(out: Any) -> None:
        out.metadata["timecode"] = "01:00:00:00"

    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=more)
    done = enlarged(clip, tmp_path / f"big{suffix}", scale=2)
    assert done.notices == ()
    with av.open(str(done.target)) as made:
        texts = [made.metadata, *(stream.metadata for stream in made.streams)]
        assert "01:00:00:00" in [v for t in texts for k, v in t.items() if k.lower() == "timecode"]


def test_a_subtitle_without_an_end_lasts_as_long_as_the_video(tmp_path: Path) -> None:
    picture = bytes.fromhex("0017000d00000102030000000d01060006000aff")

    def more(out: Any) -> Callable[[Any], None]:
        words = out.add_mux_stream("dvd_subtitle", time_base=Fraction(1, 1000))

        def put(out: Any) -> None:
            packet = av.Packet(picture)
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = 120
            packet.duration = (1 << 32) - 1  # as FFmpeg writes "until the next"
            out.mux_one(packet)

        return put

    clip = make_clip(tmp_path / "clip.mkv", SCENES, more=more)
    done = enlarged(clip, tmp_path / "big.mp4", scale=2)
    assert done.notices == ()
    with av.open(str(done.target)) as made:
        (shown,) = [p for p in made.demux(subtitles=0) if bytes(p) == picture]
        assert (shown.pts, shown.duration) == (120, 360)
        assert made.duration == 480_000
    assert packets(done.target, "subtitle")[-1] == (picture, Fraction(120, 1000))
