"""Fetching test sets, from a server on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from srgan.errors import DataRefused
from srgan.evaluation.fetch import fetch, sources

ASKED = """
import sys
from pathlib import Path
from srgan.evaluation.fetch import sources
print(ascii(sources(Path(sys.argv[1]))["Mine"].credit))
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.png").write_bytes(b"a picture")
    handler = partial(_Quiet, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}/"
        http.shutdown()


def _catalog(tmp_path: Path, base: str, name: str = "x4/a.png", digest: str | None = None) -> Path:
    digest = digest or hashlib.sha256(b"a picture").hexdigest()
    entry = {"base": base, "credit": "us", "files": {name: ["a.png", digest]}}
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps({"Mine": entry}))
    return path


def test_a_file_is_fetched_once(server: str, tmp_path: Path) -> None:
    source = sources(_catalog(tmp_path, server))["Mine"]
    assert fetch(source, tmp_path / "data") == 1
    target = tmp_path / "data" / "Mine" / "x4" / "a.png"
    assert target.read_bytes() == b"a picture"
    assert fetch(source, tmp_path / "data") == 0
    target.write_bytes(b"damaged")
    assert fetch(source, tmp_path / "data") == 1
    assert [p.name for p in target.parent.iterdir()] == ["a.png"]


def test_what_is_refused(server: str, tmp_path: Path) -> None:
    other = sources(_catalog(tmp_path, server, digest="0" * 64))["Mine"]
    with pytest.raises(DataRefused, match="not the published file"):
        fetch(other, tmp_path / "data")
    assert not (tmp_path / "data" / "Mine" / "x4" / "a.png").exists()
    with pytest.raises(DataRefused, match="outside the folder"):
        fetch(sources(_catalog(tmp_path, server, "../../a.png"))["Mine"], tmp_path / "data")
    with pytest.raises(DataRefused, match="only http"):
        fetch(sources(_catalog(tmp_path, tmp_path.as_uri() + "/"))["Mine"], tmp_path / "data")
    with pytest.raises(DataRefused, match="cannot be fetched"):
        fetch(sources(_catalog(tmp_path, server + "absent/"))["Mine"], tmp_path / "data")
    (tmp_path / "catalog.json").write_text('{"Mine": {}}')
    with pytest.raises(DataRefused, match="no catalog"):
        sources(tmp_path / "catalog.json")


def test_a_catalog_is_read_as_utf_8_whatever_the_system_writes(tmp_path: Path) -> None:
    path = _catalog(tmp_path, "http://127.0.0.1/")
    path.write_text(path.read_text("utf-8").replace('"us"', '"Müller"'), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", ASKED, str(path)],
        env=os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "'M\\xfcller'\n"


def test_the_catalog_is_that_of_the_sets_at_hand(shared: Path) -> None:
    known = sources()
    assert {n: len(known[n].files) for n in ("Set5", "Set14", "BSD100")} == {
        "Set5": 30,
        "Set14": 28,
        "BSD100": 200,
    }
    for source in known.values():
        for name, path, digest in source.files:
            content = (shared / "data" / "test" / source.name / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest
            assert path.endswith(name.rpartition("/")[2])


@pytest.mark.parametrize("digest", ["", None, 0])
def test_a_file_without_a_digest_is_never_kept(digest: object, server: str, tmp_path: Path) -> None:
    entry = {"base": server, "credit": "us", "files": {"a.png": ["a.png", digest]}}
    (tmp_path / "catalog.json").write_text(json.dumps({"Mine": entry}))
    with pytest.raises(DataRefused, match="not the published file"):
        fetch(sources(tmp_path / "catalog.json")["Mine"], tmp_path / "data")
    assert not list(tmp_path.rglob("data/Mine/*"))
