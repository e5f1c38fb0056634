"""The benchmark's page on a phone, in a real browser. Debian: ``apt-get install chromium``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, find_chromium

from srgan.evaluation.benchmark import Record, Values
from srgan.evaluation.page import Crop, Panel, page
from srgan.evaluation.protocols import MEASURES
from srgan.evaluation.report import Report

pytest.importorskip("websockets", reason="needs the extra srgan[dev]")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs chromium")


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Browser]:
    values: Values = dict.fromkeys(MEASURES, 25.0)
    rows = {"bicubic": values, "srgan-photo": {**values, "psnr_y": 26.0}}
    records = tuple(Record(m, "1", "Set5", "a", "", 4, False, row) for m, row in rows.items())
    crops = tuple(Crop(name, np.zeros((96, 96, 3), np.uint8), "25 dB") for name in ("HR", *rows))
    file = tmp_path / "report.html"
    file.write_text(page(Report(4, "", (), records, {}), [Panel("a", crops)]), encoding="utf-8")
    browser = Browser(tmp_path / "profile")
    try:
        browser.resize(390, 844, phone=True)
        browser.send("Page.navigate", url=file.as_uri())
        browser.wait("document.querySelector('details') && document.readyState === 'complete'")
        yield browser
    finally:
        browser.close()


def test_on_a_phone_rows_are_single_lines_and_plots_can_be_read(phone: Browser) -> None:
    assert phone.run("document.documentElement.scrollWidth") == 390
    tallest = "Math.max(...[...document.querySelectorAll('td')].map((td) => td.clientHeight))"
    assert phone.run(tallest) < 40  # a line of 22 pixels and its margins
    assert phone.run("document.querySelector('svg').getScreenCTM().a") == 1  # 12 pixels are 12
    tops = "[...document.querySelectorAll('figure')].map((f) => f.getBoundingClientRect().top)"
    first, second, third = phone.run(tops)
    assert first == second < third


def test_a_table_that_is_pushed_aside_keeps_its_methods(phone: Browser) -> None:
    left = "document.querySelector('td').getBoundingClientRect().left"
    before = phone.run(left)
    assert phone.run("(document.querySelector('.wide').scrollLeft = 200, 0)") == 0
    assert phone.run("document.querySelector('.wide').scrollLeft") == 200
    assert phone.run(left) == before
