"""Put a report's tables into docs/benchmark.md: ``python scripts/benchmark_tables.py REPORT``.

REPORT is the folder that ``srgan benchmark -o REPORT`` wrote.
"""

import argparse
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmark.md"
START, END = "<!-- tables -->", "<!-- end of tables -->"


def tables(report: str) -> str:
    """The report's figures, a heading lower, without its own title and explanations."""
    _, *sections = report.split("\n## ")
    kept = [s for s in sections if not s.startswith("What each column")]
    return "\n".join(f"### {section.strip()}\n" for section in kept)


def facts(report: str) -> str:
    """By what command and on what it was made."""
    head = report.splitlines()[:10]
    made = [line for line in head if line.startswith("Made by")]
    return "\n".join([*made, "", *(line for line in head if line.startswith("- "))])


def main() -> None:
    """Rewrite the page between its marks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="the folder")
    report = (parser.parse_args().report / "report.md").read_text(encoding="utf-8")
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    middle = f"{START}\n\n{facts(report)}\n\n{tables(report)}\n{END}"
    PAGE.write_text(before + middle + after, encoding="utf-8")


if __name__ == "__main__":
    main()
