"""The documentation says what the program does."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import srgan

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PYTHON, re.DOTALL)
PAGES = [f for folder in (".", "docs", "examples") for f in sorted((ROOT / folder).glob("*.md"))]


def test_the_reference_names_every_command_and_option() -> None:
    reference = runpy.run_path(str(ROOT / "scripts" / "cli_reference.py"))["reference"]()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference, (
        "docs/cli.md is out of date: run `python scripts/cli_reference.py`"
    )
    assert "## `srgan upscale`" in reference
    assert "`--long-edge`" in reference
    assert "SRGAN_TOKEN" in reference


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, {"photo_x4.jpg", "large.png"}), (1, set()), (2, {"photo.webp"})],
)
def test_an_example_in_python_runs(number: int, written: set[str], tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    shutil.copy(ROOT / "examples" / "courtyard.jpg", photo)
    with Image.open(photo) as image:
        image.resize((40, 30)).save(photo)
    ran = subprocess.run(
        [sys.executable, "-c", EXAMPLES[number]], cwd=tmp_path, capture_output=True
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert {f.name for f in tmp_path.iterdir()} == {"photo.jpg", *written}


def test_extras_are_quoted_as_every_shell_reads_it() -> None:
    """The shell of Windows hands single quotes on to pip, which knows no such package."""
    texts = [*PAGES, *(ROOT / "src").rglob("*.py")]
    named = [path for path in texts if re.search(r"'(srgan|\.)\[", path.read_text("utf-8"))]
    assert named == []


def test_every_function_for_python_is_described() -> None:
    assert len(EXAMPLES) == 3
    for name in srgan.__all__:
        if name[0].islower():
            assert f"`{name}(" in PYTHON


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", re.sub(r"`[^`\n]*`", "", prose(page))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme
