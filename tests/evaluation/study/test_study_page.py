"""The raters' page in a real browser, from a file. Debian: ``apt-get install chromium``."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, find_chromium

from srgan.evaluation.study.plan import Study, order
from srgan.evaluation.study.ratings import read_session

pytest.importorskip("websockets", reason="needs the extra srgan[dev]")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs chromium")

SHOWN = "!('blank' in document.getElementById('stage').dataset)"


@pytest.fixture
def page(made: tuple[Path, Study], tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "profile")
    try:
        _open(browser, made[0])
        yield browser
    finally:
        browser.close()


def _open(page: Browser, folder: Path) -> None:
    page.run("window.old = true")  # the old page may answer a while longer
    page.send("Page.navigate", url=(folder / "index.html").as_uri())
    page.wait("!window.old && document.getElementById('count')?.textContent")


def _key(page: Browser, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key=key)


def _next(page: Browser, key: str) -> None:
    """Press a key that leads to another picture, or to the end, and wait for it."""
    before = _heading(page)
    _key(page, key)
    page.wait(
        f"!document.getElementById('end').hidden || ({SHOWN} && "
        f"document.getElementById('heading').textContent !== {json.dumps(before)})"
    )


def _heading(page: Browser) -> str:
    return str(page.run("document.getElementById('heading').textContent"))


def _question(page: Browser) -> str:
    return str(page.run("document.getElementById('question').textContent"))


def _start(page: Browser, name: str) -> None:
    page.run(f"document.getElementById('name').value = {json.dumps(name)}")
    page.run("document.getElementById('form').requestSubmit()")
    page.wait(SHOWN)


def _pressed(page: Browser) -> Any:
    return page.run("document.querySelector('#scores [aria-pressed=true] b')?.textContent")


def test_a_whole_session(page: Browser, made: tuple[Path, Study], tmp_path: Path) -> None:
    """Examples, practice, back, a closed tab, the file: what comes is what was pressed."""
    folder, study = made
    assert page.run("document.getElementById('count').textContent") == "12"
    _start(page, "  Zoe\u0301 <b> ")

    assert (_heading(page), _question(page)) == ("Example 1 of 4", "This is an example of 1: bad.")
    _key(page, "4")  # there is nothing to rate yet
    assert _pressed(page) == "1"
    _next(page, "ArrowRight")
    assert _question(page) == "This is an example of 5: excellent."
    _next(page, "ArrowRight")
    for _ in range(2):
        assert _question(page) == "How good does this picture look?"
        _key(page, "2")
        assert _question(page).startswith("This was meant as")
        _key(page, "4")  # too late
        assert _pressed(page) == "2"
        _next(page, "ArrowRight")

    assert _heading(page) == "Picture 1 of 12"
    _next(page, "1")
    _next(page, "5")
    _next(page, "ArrowLeft")
    assert (_heading(page), _pressed(page)) == ("Picture 2 of 12", "5")
    _next(page, "4")

    page.run("localStorage.setItem('probe', '1')")
    for _ in range(50):  # what a page stores reaches the next process of the browser a little later
        _open(page, folder)  # as after a closed tab
        saved = page.run("document.getElementById('saved').innerText")
        if "2 of 12 rated" in saved:
            break
        time.sleep(0.1)
    if page.run("localStorage.getItem('probe')") != "1":
        pytest.skip("this browser lost all that pages had stored, as a busy one sometimes does")
    assert "2 of 12 rated" in saved
    page.run("document.querySelector('#saved-list button').click()")
    page.wait(f"{SHOWN} && document.getElementById('heading').textContent === 'Picture 3 of 12'")
    page.run("document.querySelectorAll('#scores button')[2].click()")  # a click is a 3
    page.wait(f"{SHOWN} && document.getElementById('heading').textContent === 'Picture 4 of 12'")
    for _ in range(9):
        _next(page, "2")
    assert page.run("document.getElementById('end-title').textContent") == "Thank you"

    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run("document.getElementById('download').click()")
    file = tmp_path / "ratings-Zo\u00e9-b.json"
    for _ in range(200):
        if file.exists() and file.stat().st_size:
            break
        time.sleep(0.05)
    assert file.read_text().strip() == page.run("document.getElementById('result').value")
    session = read_session(file, study)
    assert (session.rater, session.simulated) == ("Zo\u00e9 <b>", "")
    assert list(session.calibration.values()) == [2, 2]
    assert [r.score for r in session.ratings] == [1, 4, 3, *[2] * 9]
    assert [r.item for r in session.ratings] == order(study, session.rater)
    assert all(r.seconds is not None for r in session.ratings)
    assert page.errors == []


def test_stopping_saves_what_there_is(page: Browser, made: tuple[Path, Study]) -> None:
    _start(page, "7")
    page.run("document.getElementById('stop').click()")
    assert page.run("document.getElementById('end-title').textContent") == "Not done yet"
    content = json.loads(page.run("document.getElementById('result').value"))
    assert (content["rater"], content["ratings"]) == ("7", [])
    page.run("document.getElementById('resume').click()")
    page.wait(f"{SHOWN} && !document.getElementById('rate').hidden")


def test_a_picture_is_shown_in_whole_screen_pixels(page: Browser) -> None:
    page.resize(1280, 800, ratio=2)
    _start(page, "Ann")
    width = "document.getElementById('picture').getBoundingClientRect().width"
    assert page.run(width) == 32  # of 64 screen pixels: two for each of the picture's
    page.resize(1000, 800, ratio=1.5)
    page.wait(f"Math.abs({width} - 32 / 1.5) < 0.01")  # one for each


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be moved there")
def test_a_missing_picture_cannot_be_rated(page: Browser, made: tuple[Path, Study]) -> None:
    folder, _ = made
    away = folder.parent / "away"
    (folder / "pictures").rename(away)
    try:
        page.run("document.getElementById('name').value = 'Eve'")
        page.run("document.getElementById('form').requestSubmit()")
        page.wait("!document.getElementById('failed').hidden")
        assert "is not beside this page" in page.run("document.getElementById('failed').innerText")
        _key(page, "ArrowRight")
        assert _heading(page) == "Example 1 of 4"
    finally:
        away.rename(folder / "pictures")
