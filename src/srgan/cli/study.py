"""``srgan study``: let people rate pictures, as the paper's mean-opinion-score test does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from srgan.errors import Cancelled, DataRefused, OutputFailed, SRGANError, UsageError
from srgan.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from srgan.evaluation.study.plan import Study
    from srgan.evaluation.study.ratings import Session

HELP = "Let people rate pictures: the paper's mean-opinion-score test."

study = Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)


@study.callback()
def _root() -> None:
    """Let people rate pictures: the paper's mean-opinion-score test."""


@study.command()
def make(
    output: Annotated[Path, Option("-o", "--output", help="Folder of the study; a new one.")],
    data: Annotated[Path, Option(help="Folder with one folder a test set.")] = Path("data"),
    sets: Annotated[
        str | None,
        Option(help="Names. Default: Set5,Set14,BSD100, those of them that are there."),
    ] = None,
    methods: Annotated[
        str, Option(help="Names and weights files; the original, HR, is added.")
    ] = "nearest,bicubic,srresnet,srgan",
    without: Annotated[
        list[str] | None,
        Option(metavar="SET:METHOD,…", help="Rate a set without these; may be given again."),
    ] = None,
    scale: Annotated[int, Option(help="Factor of the enlargement.")] = 4,
    retest: Annotated[
        int | None, Option(help="Test pictures of which every version is shown twice. Default: 2.")
    ] = None,
    calibration: Annotated[
        Path | None,
        Option(help="Folder of other pictures for the examples. Default: the test pictures."),
    ] = None,
    calibrate: Annotated[
        int, Option(help="Pictures of the examples, each bad and excellent; the paper had 20.")
    ] = 5,
    seed: Annotated[
        int | None, Option(help="Draws names and examples. Default: a random one, which is kept.")
    ] = None,
    max_input_mp: Annotated[
        float, Option("--max-input-mp", help="Refuse larger pictures, in megapixels.")
    ] = 64.0,
) -> None:
    """Write a page that a rater opens in a browser, and the key that tells the methods.

    Raters get index.html and pictures/; study.json, the key, stays with you.
    """
    import secrets

    from srgan.cli.methods import methods_of
    from srgan.evaluation.datasets import find
    from srgan.evaluation.study.make import Settings
    from srgan.evaluation.study.make import make as make_study
    from srgan.image.limits import Limits
    from srgan.inference.stop import stoppable

    if scale < 2:
        raise UsageError(f"--scale must be at least 2, not {scale}")
    limits = Limits.in_megapixels(max_input_mp, output_mp=1.0)
    lacking = _lacking(without or ())
    if calibration and not calibration.is_dir():
        raise UsageError(f"--calibration: there is no folder {calibration}")
    names = list(dict.fromkeys(sets.split(","))) if sets else None
    entries = find(data, names, scale=scale)
    others = find(calibration, None, scale=scale) if calibration else entries
    chosen = methods_of(methods, scale)
    twice = min(2, len(entries)) if retest is None else retest
    drawn = secrets.randbelow(2**31) if seed is None else seed
    parts = ["srgan study make", f"--data {data.name}", *([f"--sets {sets}"] if sets else [])]
    parts += ["--methods " + ",".join(Path(m).name for m in methods.split(","))]
    parts += [f"--without {given}" for given in without or ()]
    parts += [f"--scale {scale}"] if scale != 4 else []
    parts += [f"--retest {twice}"]
    parts += [f"--calibration {calibration.name}"] if calibration else []
    parts += [f"--max-input-mp {max_input_mp:g}"] if max_input_mp != 64 else []
    parts += [f"--calibrate {calibrate} --seed {drawn} -o {output.name}"]
    settings = Settings(scale, drawn, twice, calibrate, " ".join(parts), lacking, limits)
    with stoppable() as stop:
        try:
            made = make_study(output, chosen, entries, others, settings, _say, stop)
        except Cancelled:
            _clear()
            print("srgan: interrupted", file=sys.stderr)
            sys.exit(stop.exit_status)
    _clear()
    print(output / "index.html")
    _tell_made(made, calibration is None)


def _lacking(without: Sequence[str]) -> frozenset[tuple[str, str]]:
    found = set()
    for given in without:
        name, _, methods = given.partition(":")
        if not (name and methods):
            raise UsageError(f"--without takes SET:METHOD, such as BSD100:srgan, not {given!r}")
        found |= {(name, method) for method in methods.split(",")}
    return frozenset(found)


def _tell_made(made: Study, borrowed: bool) -> None:
    showings = len(made.showings) + len(made.calibration)
    print(
        f"{counted(len(made.items), 'picture')}, {len(made.retest)} of them twice, "
        f"{counted(len(made.calibration), 'example')}: about "
        f"{max(1, round(showings * 5 / 60))} min a rater. Give raters "
        "index.html and pictures/; keep study.json, which tells the methods.",
        file=sys.stderr,
    )
    if borrowed and made.calibration:
        print(
            "srgan: the examples are test pictures; --calibration FOLDER takes others, as the "
            "paper did",
            file=sys.stderr,
        )


@study.command()
def analyse(
    folder: Annotated[Path, Argument(metavar="STUDY", help="The study's folder.")],
    ratings: Annotated[
        list[Path], Argument(metavar="RATINGS…", help="Raters' files, or folders of them.")
    ],
    output: Annotated[Path, Option("-o", "--output", help="Folder of the report.")],
    drop: Annotated[
        list[str] | None,
        Option(metavar="RATER", help="Leave this rater out; may be given again."),
    ] = None,
) -> None:
    """Mean opinion scores, ranks and tests from raters' files: report.html, .md and .json.

    A file that cannot be used is a line on stderr, and nothing is written until it is mended or
    left out. Ratings of simulated raters are called simulated in every table.
    """
    from srgan.evaluation.report import write
    from srgan.evaluation.study import analysis
    from srgan.evaluation.study.plan import read_study
    from srgan.evaluation.study.ratings import ratings_files, unlike
    from srgan.evaluation.study.report import as_json, as_markdown, as_page
    from srgan.evaluation.study.tables import doubtful, facts, warning

    # The next run would take the report for ratings; and a file report.json may be a rater's.
    places = {(p if p.is_dir() else p.parent).resolve() for p in ratings}
    if output.resolve() in places:
        raise UsageError(f"-o {output}: has the ratings in it; give the report another folder")
    key = read_study(folder)
    sessions, problems = _read(ratings_files(ratings), key)
    problems += unlike(sessions)
    for line in problems:
        print(f"srgan: {_shown(line)}", file=sys.stderr)
    if problems:
        raise DataRefused(f"{counted(len(problems), 'problem')} with the ratings; nothing written")
    found = analysis.analyse(key, sessions, drop or ())
    command = _analysis_command(folder, ratings, output, drop or ())
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFailed(f"{output}: cannot be made: {error.strerror or error}") from error
    write(
        output,
        json=as_json(found, command),
        markdown=as_markdown(found, command),
        html=as_page(found, command),
    )
    print(output / "report.html")
    told = [warning(found)] if warning(found) else []
    told += [line for line in facts(found) if line.startswith("incomplete")]
    for line in [*told, *doubtful(found)]:
        print(f"srgan: {_shown(line)}", file=sys.stderr)


@study.command()
def simulate(
    folder: Annotated[Path, Argument(metavar="STUDY", help="The study's folder.")],
    output: Annotated[Path, Option("-o", "--output", help="Folder of the ratings.")],
    raters: Annotated[int, Option(help="How many.")] = 26,
    seed: Annotated[int, Option(help="The same seed gives the same ratings.")] = 0,
) -> None:
    """Write ratings of raters that do not exist, to try a study before people are asked.

    They say nothing of any method, and they and what is made of them are called simulated.
    """
    from srgan.evaluation.study import simulate as simulation
    from srgan.evaluation.study.plan import read_study
    from srgan.evaluation.study.ratings import as_json
    from srgan.image.atomic import atomic_file, refuse_existing

    if not 1 <= raters <= 10_000:
        raise UsageError(f"--raters must be 1 to 10000, not {raters}")
    key = read_study(folder)
    files = {
        output / f"{session.rater.replace(' ', '-')}.json": session
        for session in simulation.simulate(key, raters=raters, seed=seed)
    }
    for path in files:
        refuse_existing(path, mend="give another folder with -o")
    for path, session in files.items():
        with atomic_file(path) as file:
            file.write(as_json(session, key).encode())
    print(output)
    print(f"srgan: simulated: {simulation.MODEL}", file=sys.stderr)


def _read(paths: list[Path], key: Study) -> tuple[list[Session], list[str]]:
    from srgan.evaluation.study.ratings import read_session

    sessions, problems = [], []
    for path in paths:
        try:
            sessions.append(read_session(path, key))
        except SRGANError as error:
            problems.append(str(error))
    return sessions, problems


def _analysis_command(
    folder: Path, ratings: Sequence[Path], output: Path, drop: Sequence[str]
) -> str:
    """What makes the same report again; many files are named by their folder if they are all."""
    import shlex

    given = {p.resolve() for p in ratings}
    names: dict[str, None] = {}
    for path in sorted(given):
        beside = set() if path.is_dir() else set(path.parent.glob("*.json"))
        whole = len(beside) > 3 and given >= beside
        names[path.parent.name if whole else path.name] = None
    words = ["srgan", "study", "analyse", folder.resolve().name, *names, "-o", output.name]
    return shlex.join([*words, *(word for name in drop for word in ("--drop", name))])


def _say(done: int, total: int) -> None:
    line = f"{done}/{total} pictures"
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
    elif done % max(1, total // 5) == 0:
        print(line, file=sys.stderr)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def _shown(text: str) -> str:
    """Text with a rater's words or names of files, as one printable line."""
    return "".join(c if c.isprintable() else " " for c in text)
