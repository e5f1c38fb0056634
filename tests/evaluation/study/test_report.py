"""Reports: labels that cannot be lost, the paper's figures, hostile names."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from srgan.evaluation.study.analysis import Analysis, analyse
from srgan.evaluation.study.plan import Study
from srgan.evaluation.study.ratings import Session
from srgan.evaluation.study.report import as_json, as_markdown, as_page
from srgan.evaluation.study.simulate import simulate
from srgan.evaluation.study.tables import facts, paper_mos, tables


def _reports(analysis: Analysis) -> tuple[str, str, str]:
    command = "srgan study analyse study ratings -o report"
    return tuple(f(analysis, command) for f in (as_markdown, as_page, as_json))  # type: ignore[return-value]


def test_of_simulated_ratings_everything_says_so(known: Study) -> None:
    text, page, data = _reports(analyse(known, simulate(known, raters=3, seed=0)))
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert len(headings) == 6
    for heading in headings:
        assert "simulated" in heading or heading == "## How it was computed"
    for heading in re.findall(r"<h[12]>(.*?)</h", page):
        assert "simulated" in heading or heading == "How it was computed"
    assert "SIMULATED: no person rated" in text
    assert "<p class=simulated role=note>SIMULATED: no person rated" in page
    (svg,) = re.findall(r"<svg.*?</svg>", page)
    assert "SIMULATED" in svg
    assert "ours" not in svg
    content = json.loads(data)
    for part in (content, *content["sets"], *content["retest"], *content["raters"]):
        assert part["simulated"].startswith("random scores")


def test_of_people_nothing_does(known: Study, sessions: Sequence[Session]) -> None:
    text, page, data = _reports(analyse(known, sessions))
    assert "imulated" not in text
    assert ">SIMULATED" not in page
    assert json.loads(data)["simulated"] is False


def test_the_figures_are_in_all_three(known: Study, sessions: Sequence[Session]) -> None:
    text, page, data = _reports(analyse(known, sessions))
    row = "| nearest | 1.25 | -1.93 to 4.43 | 2.75 | 4 | 3 | 1 | 0 | 0 | 0 | 1.28 |"
    assert row in text
    cells = "".join(f"<td>{cell.strip()}" for cell in row.strip("| ").split("|"))
    assert f"<tr>{cells}" in page
    method = json.loads(data)["sets"][0]["methods"][0]
    assert (method["mos"]["mean"], method["rank"], method["paper_mos"]) == (1.25, 2.75, 1.28)
    assert "MOS of the paper's raters" in text
    assert "26 other people and of the paper's own networks" in text
    assert "- incomplete sessions: 1, used as far as they go: Bob (6 of 9)" in text


def test_the_papers_figures() -> None:
    """Ledig et al. 2017, table 2; and table 1, whose SRGAN is VGG54."""
    mos = paper_mos()
    assert [mos[s]["srgan"] for s in ("Set5", "Set14", "BSD100")] == [3.58, 3.72, 3.56]
    assert [mos[s]["HR"] for s in ("Set5", "Set14", "BSD100")] == [4.32, 4.32, 4.46]
    assert mos["Set5"]["srgan-mse"] == 3.77
    for row in mos.values():
        assert row["srgan"] == row["srgan-vgg54"]
        assert row["srresnet"] == row["srresnet-mse"]


def test_at_another_scale_the_paper_has_none(known: Study, sessions: Sequence[Session]) -> None:
    text, page, _ = _reports(analyse(replace(known, scale=2), sessions))
    assert "MOS of the paper" not in text
    assert "the paper's raters" not in page


def test_significance_is_marked(known: Study) -> None:
    found = analyse(known, simulate(known, raters=12, seed=0))
    table = next(t for t in tables(found) if t.title.startswith("Differences"))
    assert table.head == ("p", "bicubic", "HR")
    assert table.rows[0] == ("nearest", "< 0.001 *", "< 0.001 *")
    assert table.rows[1] == ("bicubic", "", "< 0.001 *")


HOSTILE = "<script>alert(1)</script>|*a*`b`[x](y)\n# z &lt;\ud800"


@pytest.fixture
def hostile(known: Study, sessions: Sequence[Session]) -> Analysis:
    items = tuple(
        replace(i, method="<b>" if i.method == "bicubic" else i.method, set="</table>")
        for i in known.items
    )
    study = replace(known, items=items, methods=(("nearest", ""), ("<b>", ""), ("HR", "")))
    constant = [replace(r, score=3) for r in sessions[1].ratings]
    bad = replace(sessions[1], rater=HOSTILE, file="<i>.json", ratings=tuple(constant))
    return analyse(study, [sessions[0], bad])


def test_hostile_names_are_text(hostile: Analysis) -> None:
    text, page, data = _reports(hostile)
    for tag in ("<script>", "<b>", "<i>", "</table>|", "<td></table>", "<h2></table>"):
        assert tag not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for tag in ("<script>", "<b>", "<i>", "</table>"):
        assert tag not in text
    assert r"&lt;script>alert(1)&lt;/script>\|\*a\*\`b\`\[x\](y) # z &amp;lt;" in text
    assert "# z &amp;lt;?" in page
    assert text.encode()
    rows = [line for line in text.splitlines() if line.startswith("| &lt;script")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [8]
    assert json.loads(data)["raters"][1]["name"] == HOSTILE


def test_a_lone_rater_has_no_interval(known: Study, sessions: Sequence[Session]) -> None:
    text, page, _ = _reports(analyse(known, sessions[:1]))
    assert "| nearest | 1.50 | – |" in text
    assert facts(analyse(known, sessions[:1]))[2] == "1 rater, 9 ratings"
    assert "NaN" not in page
