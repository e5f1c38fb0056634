"""The page in a real browser. Debian: ``apt-get install chromium``; axe: ``npm install axe-core``
in the repository's root, or its ``axe.min.js`` named by the variable ``AXE_CORE``."""

import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, find_chromium
from fakes import PATIENCE, RunningServer, picture, until
from PIL import Image

pytest.importorskip("websockets", reason="needs the extra srgan[dev]")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs chromium")

DONE = "document.querySelector('.thumb[aria-current=true][data-state=done]')"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(server: RunningServer, tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(server.url + "/")
        yield browser
    finally:
        browser.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "my photo.png"
    file.write_bytes(picture(60, 80))
    return file


def choose_model(page: Browser, name: str) -> None:
    page.run(
        f"""(() => {{ const box = document.getElementById('model'); box.value = '{name}';
        box.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"""
    )


def downloaded(page: Browser, folder: Path, name: str) -> bytes:
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.run("document.getElementById('download').click()")
    file = folder / name
    until(lambda: file.exists() and file.stat().st_size > 0, f"{name} is there")
    return file.read_bytes()


def text(page: Browser, id_: str) -> str:
    return str(page.run(f"document.getElementById('{id_}').innerText"))


def colour_at(page: Browser, x: float, y: float) -> Any:
    """What the stage shows at a fraction of its size."""
    return page.run(
        f"""(() => {{ const c = document.getElementById('view');
        const d = c.getContext('2d').getImageData({x} * c.width, {y} * c.height, 1, 1).data;
        return [...d]; }})()"""
    )


def test_a_dropped_photo_is_compared_and_downloaded(
    page: Browser, photo: Path, tmp_path: Path
) -> None:
    """The way of a whole visit: drop, progress, slider, zoom, dial, download, no error."""
    from srgan.image.files import encode_picture, read_picture
    from srgan.inference.open import load
    from srgan.inference.upscale import upscale_picture

    choose_model(page, "bicubic")
    page.drop(photo, "image/png")
    page.wait(DONE)
    page.wait("document.querySelector('.stage').dataset.view === 'both'")
    assert text(page, "file-name") == "my photo.png"
    assert "320 × 240" in text(page, "sizes")

    result = upscale_picture(read_picture(photo), load("bicubic"), size=(240, 320))
    got = downloaded(page, tmp_path, "my photo_x4.png")
    assert Image.open(BytesIO(got)).size == (320, 240)
    assert read_picture(got).frames[0].colour.tobytes() == result.frames[0].colour.tobytes()

    page.run("document.getElementById('format').value = 'webp'")
    page.run("document.getElementById('quality').value = '80'")
    (tmp_path / "result.png").write_bytes(got)
    expected = encode_picture(read_picture(tmp_path / "result.png"), "WEBP", 80)
    assert downloaded(page, tmp_path, "my photo_x4.webp") == expected

    # The slider by mouse and by keys; left of it the bicubic, right of it the result.
    box = page.run(
        "(() => { const b = document.getElementById('divider').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    page.mouse("mousePressed", *box)
    page.mouse("mouseMoved", box[0] - 200, box[1])
    page.mouse("mouseReleased", box[0] - 200, box[1])
    now = "document.getElementById('divider').ariaValueNow"
    page.wait(f"Number({now}) < 45")
    value = int(page.run(now))
    page.run("document.getElementById('divider').focus()")
    for kind in ("keyDown", "keyUp"):
        page.send("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight")
    page.wait(f"Number({now}) === {value + 2}")

    # Zoom to the pixel: at 100 % a pixel of the result is a pixel of the screen.
    page.run("document.getElementById('zoom-now').click()")
    page.wait("document.getElementById('zoom-text').innerText === '100 %'")

    # The dial is there for the model that has it and changes the result.
    assert page.run("document.getElementById('dial').hidden")
    choose_model(page, "srgan")
    assert not page.run("document.getElementById('dial').hidden")
    page.run(
        "(() => { const dial = document.getElementById('realism'); dial.value = '1';"
        " dial.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    page.run("document.getElementById('again').click()")
    page.wait(f"{DONE} && document.getElementById('tag-after').innerText === 'srgan'")
    page.wait("document.querySelector('.stage').dataset.view === 'both'")
    page.run("document.getElementById('zoom-fit').click()")
    until(lambda: colour_at(page, 0.6, 0.5)[:3] == [0, 0, 0], "the fake darkens by the dial")
    assert page.errors == []


def test_progress_is_shown_and_cancelling_ends_it(page: Browser, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.new("L", (1024, 1024), 90).save(large)
    choose_model(page, "slow")
    page.choose(large)
    page.wait("/^[0-9]+ % . .+ left/.test(document.getElementById('progress-text').innerText)")
    # The bicubic is there meanwhile.
    until(lambda: colour_at(page, 0.5, 0.5)[:3] == [90, 90, 90], "the bicubic is shown")
    page.run("document.getElementById('cancel').click()")
    page.wait("document.querySelector('.thumb[data-state=cancelled]')")
    # What was cancelled is forgotten once: a second DELETE would be an error in the console.
    choose_model(page, "bicubic")
    page.run("document.getElementById('again').click()")
    page.wait(DONE)
    assert page.errors == []


def test_a_picture_that_waits_for_others_can_be_cancelled(
    page: Browser, server: RunningServer, photo: Path, tmp_path: Path
) -> None:
    other, third = (tmp_path / name for name in ("other.png", "third.png"))
    for file in (other, third):
        file.write_bytes(photo.read_bytes())
    choose_model(page, "slow")
    with server.held():
        page.choose(photo, other, third)
        page.wait("document.querySelectorAll('.thumb').length === 3")
        page.run("document.querySelectorAll('.thumb')[2].click()")
        page.run("document.getElementById('cancel').click()")
        page.wait("document.querySelector('.thumb[aria-current=true][data-state=cancelled]')")
        for _ in range(3):
            page.run("document.querySelector('.remove').click()")
    assert page.errors == []


def test_one_click_downloads_all(page: Browser, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(picture(10, 20))
    choose_model(page, "bicubic")
    page.choose(photo, other)
    page.wait("document.getElementById('download-all').innerText === 'Download all 2'")
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run("document.getElementById('download-all').click()")
    for name, size in (("my photo_x4.png", (320, 240)), ("other_x4.png", (80, 40))):
        file = tmp_path / name
        until(lambda file=file: file.exists() and file.stat().st_size > 0, f"{name} is there")
        assert Image.open(file).size == size
    page.wait("!document.getElementById('download-all').disabled")
    assert page.errors == []

    # What failed has nothing to download, and takes nothing of the others' away.
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not really")
    page.choose(broken)
    page.wait("document.querySelector('.thumb[data-state=failed]')")
    page.run("document.querySelector('.thumb[data-state=failed]').click()")
    page.wait("!document.getElementById('refusal').hidden")
    seen = "document.getElementById('%s').getClientRects().length > 0"
    assert page.run(seen % "download-all")
    assert not page.run(seen % "download")
    page.run("document.querySelectorAll('.remove')[0].click()")
    page.run("document.querySelector('.thumb[data-state=failed]').click()")
    assert not page.run(seen % "download-all")  # one alone has its own button
    page.run("document.querySelector('.thumb[data-state=done]').click()")
    assert page.run(seen % "download")


def test_a_file_that_is_no_picture_is_told_in_words_and_the_others_go_on(
    page: Browser, photo: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not really")
    page.choose(broken, photo)
    page.wait("!document.getElementById('refusal').hidden")
    assert text(page, "refusal-title") == "This file cannot be read"
    assert text(page, "refusal-text").startswith("Damaged: ")
    page.wait("document.querySelector('.thumb[data-state=done]')")
    # The browser itself notes each answer of 4xx; the page's own code must not fail.
    assert [e for e in page.errors if "422" not in e] == []


def test_a_dropped_folder_is_told_from_a_server_that_does_not_answer(
    page: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.send("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)
    page.wait("!document.getElementById('refusal').hidden")
    assert text(page, "refusal-text").startswith("It is a folder")


def test_an_empty_stage_has_no_zoom(page: Browser, tmp_path: Path) -> None:
    """What the browser cannot show, such as HEIC, comes later, from the server."""
    page.run("window.createImageBitmap = async () => { throw new Error('unknown format'); }")
    large = tmp_path / "large.png"
    Image.new("L", (256, 256), 90).save(large)
    choose_model(page, "slow")
    page.choose(large)
    page.wait("!document.getElementById('progress').hidden")
    assert page.run("document.querySelector('.tools').getClientRects().length") == 0


def test_a_scale_that_the_server_would_refuse_gives_way(photo: Path, tmp_path: Path) -> None:
    """At 4x the large picture would have 0.077 MP, at 3x 0.043; the small one keeps its 4x."""
    small = tmp_path / "small.png"
    small.write_bytes(picture(20, 20))
    server = RunningServer(stall_seconds=PATIENCE, header_seconds=PATIENCE, max_output_mp=0.05)
    try:
        page = Browser(tmp_path / "profile")
        try:
            page.open(server.url + "/")
            choose_model(page, "bicubic")
            page.choose(photo, small)
            page.wait(DONE)
            assert "240 × 180" in text(page, "sizes")
            assert "up to 0.05 MP" in text(page, "scales-note")
            page.run("document.querySelectorAll('.thumb')[1].click()")
            page.wait(DONE)
            assert "80 × 80" in text(page, "sizes")
            assert page.run("document.getElementById('again').hidden")
            assert page.errors == []

            # What is too large at every scale is refused, and would be again.
            large = tmp_path / "large.png"
            large.write_bytes(picture(120, 120))
            page.choose(large)
            page.wait("!document.getElementById('refusal').hidden")
            assert "more than the output limit" in text(page, "refusal-text")
            assert page.run("document.getElementById('retry').hidden")
        finally:
            page.close()
    finally:
        server.stop()


def test_the_browser_asks_before_it_leaves_what_is_not_downloaded(
    page: Browser, photo: Path, tmp_path: Path
) -> None:
    asks = (
        "(() => { const leaving = new Event('beforeunload', { cancelable: true });"
        " return !dispatchEvent(leaving); })()"
    )
    assert not page.run(asks)
    choose_model(page, "bicubic")
    page.choose(photo)
    page.wait(DONE)
    assert page.run(asks)
    downloaded(page, tmp_path, "my photo_x4.png")
    assert not page.run(asks)


def test_on_a_phone_cancel_stays_in_its_frame(page: Browser, tmp_path: Path) -> None:
    page.resize(320, 640, phone=True)
    large = tmp_path / "large.png"
    Image.new("L", (512, 512), 90).save(large)
    choose_model(page, "slow")
    page.choose(large)
    page.wait("!document.getElementById('progress').hidden")
    over = page.run(
        """(() => {
        document.getElementById('progress-text').textContent = '12 pictures before this one';
        const right = (id) => document.getElementById(id).getBoundingClientRect().right;
        return right('cancel') - right('progress'); })()"""
    )
    assert over <= 0


def test_without_javascript_there_is_nothing_to_press(page: Browser) -> None:
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.send("Page.reload")
    page.wait("document.querySelector('.noscript')?.getClientRects().length")
    assert page.run("document.getElementById('choose').getClientRects().length") == 0


def _axe() -> Path | None:
    named = os.environ.get("AXE_CORE", str(ROOT / "node_modules" / "axe-core" / "axe.min.js"))
    return Path(named) if Path(named).is_file() else None


@pytest.mark.skipif(_axe() is None, reason="needs axe-core: npm install axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
def test_axe_finds_nothing_serious(
    page: Browser, photo: Path, scheme: str, width: int, phone: bool
) -> None:
    axe = _axe()
    assert axe is not None
    page.scheme(scheme)
    page.resize(width, 844, phone=phone)
    page.run(axe.read_text() + "; 0")

    def findings() -> list[str]:
        # Colours that are on their way are nobody's colours.
        page.run(
            "Promise.allSettled(document.getAnimations().map((a) => a.finished)).then(() => 0)"
        )
        found = json.loads(page.run("axe.run().then((r) => JSON.stringify(r.violations))"))
        return [
            f"{v['id']}: {[n['html'][:90] for n in v['nodes']]}"
            for v in found
            if v["impact"] in ("serious", "critical")
        ]

    assert findings() == []
    page.choose(photo)
    page.wait(DONE)
    page.wait("document.querySelector('.stage').dataset.view === 'both'")
    assert findings() == []
