"""What is said of a stream: its title, language and marks, as a kind of file has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

OF_THE_STREAM = (
    "encoder",
    "duration",
    "rotate",
    "bps",
    "number_of_",
    "_statistics",
    "alpha_mode",
)
"""Beginnings of the names of what is true of the source's stream alone."""
_OTHER_NAMES = {"cze": "ces", "fre": "fra", "rum": "ron", "slo": "slk"}  # of ISO 639-2/B
# FFmpeg's names of QuickTime's numbered languages, where ISO 639-2/T has another for them.
_QUICKTIME = {
    "cym": "wel",
    "deu": "ger",
    "ell": "gre",
    "eus": "baq",
    "fao": "fo ",
    "fas": "per",
    "gle": "iri",
    "hrv": "hr ",
    "hye": "arm",
    "isl": "ice",
    "kat": "geo",
    "mkd": "mac",
    "msa": "may",
    "mya": "bur",
    "nld": "dut",
    "pan": "pa ",
    "sqi": "alb",
    "srp": "sr ",
    "swe": "sve",
    "bod": "tib",
    "zho": "chi",
}
_FROM_QUICKTIME = {name: iso for iso, name in _QUICKTIME.items()}
_MARKS = (
    "dub",
    "original",
    "comment",
    "lyrics",
    "karaoke",
    "forced",
    "hearing_impaired",
    "visual_impaired",
    "descriptions",
)
_WORDS = {"audio": "sound", "subtitle": "subtitles"}


def kept(metadata: dict[str, str], without: tuple[str, ...]) -> dict[str, str]:
    """Texts but those whose name, in any case, begins with one of ``without``."""
    return {k: v for k, v in metadata.items() if not k.casefold().startswith(without)}


def texts_of(stream: Any, muxer: str, without: tuple[str, ...] = ()) -> dict[str, str]:
    """The texts of a source's stream, by the names that a muxer knows.

    Args:
        stream: of the source.
        muxer: of the result, by FFmpeg's name.
        without: beginnings of names that are left out.
    """
    found = kept(stream.metadata, without)
    language = found.get("language", "")
    if stream.container.format.name.startswith("mov"):
        language = _FROM_QUICKTIME.get(language, language)
        if "name" in found:
            found.setdefault("title", found.pop("name"))  # what its muxer calls so
    if muxer == "mov":
        language = _OTHER_NAMES.get(language, language)
        language = _QUICKTIME.get(language, language)
    if language:
        found["language"] = language
    return found


def unsaid(had: Sequence[Any], has: Sequence[Any]) -> list[str]:
    """What a result no longer says of its sound and subtitles.

    Args:
        had: streams of the source, but those that were left out.
        has: those of the result.
    """
    lost = []
    for type_, words in _WORDS.items():
        before, after = ([s for s in streams if s.type == type_] for streams in (had, has))
        if len(before) != len(after):
            continue
        languages: set[str] = set()
        marks: set[str] = set()
        for old, new in zip(before, after, strict=True):
            if old.language not in (None, "und") and new.language in (None, "und"):
                languages.add(old.language)
            gone = old.disposition & ~new.disposition
            marks.update(mark for mark in _MARKS if gone & type(gone)[mark])
        lost += [f"language of {words} ({', '.join(sorted(languages))})"] if languages else []
        lost += [f"marks of {words} ({', '.join(sorted(marks))})"] if marks else []
    return lost
