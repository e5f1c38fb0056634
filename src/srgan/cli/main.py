"""``srgan``: the command line's entry, its commands and its exit status."""

from __future__ import annotations

import atexit
import codecs
import io
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

from srgan.errors import SRGANError, SRGANWarning, UsageError

HELP = """Enlarge photos so that they look like photos: super-resolution after SRGAN.

\b
  srgan upscale photo.jpg                 photo_x4.jpg, 4 times as large
  srgan upscale photos/ -o large/ -r      a folder with its sub-folders
  srgan video clip.mp4                    clip_x4.mp4, with its sound and times
  srgan compare photo.jpg                 several methods side by side
  srgan models                            what there is to choose from
  srgan serve                             a web page on this machine: drop photos, download

Exit status: 0 all done, 1 something was refused or failed (each on one line of stderr),
2 the command was not understood, 130 interrupted, 143 ended by SIGTERM (`srgan serve`: 0).
"""

_SIGNS = {"→": "->", "–": "-", "…": "..."}


class _Commands(TyperGroup):
    """The commands; whoever names a photo in their place is told which one it wants."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and Path(args[0]).exists():
            from shlex import quote

            given = quote(args[0])
            raise UsageError(f"{given} is no command; to enlarge it: srgan upscale {given}")
        return super().resolve_command(ctx, args)


def _version(asked: bool) -> None:
    if asked:
        from srgan import __version__

        print(f"srgan {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False,
        "--version",
        "-V",
        help="Print the version and end.",
        callback=_version,
        is_eager=True,
    ),
    debug: bool = typer.Option(False, "--debug", help="Show where an error came from."),
) -> None:
    if debug:
        os.environ["SRGAN_DEBUG"] = "1"


def build() -> typer.Typer:
    """The command line with its commands; each imports its room only when it runs."""
    from srgan.cli import benchmark, compare, data, export, fit, models, serve, train, upscale
    from srgan.cli.elsewhere import Hinting
    from srgan.cli.study import study
    from srgan.cli.video import video

    app = typer.Typer(
        name="srgan",
        cls=_Commands,
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    app.command(cls=Hinting)(upscale.upscale)
    app.command(cls=Hinting)(video)
    app.command()(models.models)
    app.command()(compare.compare)
    app.command()(serve.serve)
    app.command()(benchmark.benchmark)
    app.command()(fit.fit)
    app.command()(train.train)
    app.command()(export.export)
    app.add_typer(data.data, name="data")
    app.add_typer(study, name="study")
    return app


def main() -> None:
    """Run the command line; an error is one line on stderr and an exit status."""
    try:
        try:
            if "" in sys.argv[1:]:  # as a path it would be the current folder
                raise UsageError("an argument is empty; has a variable of the shell no value?")
            build()()
        except SystemExit as end:
            if isinstance(end.__context__, BrokenPipeError):
                raise end.__context__ from None  # typer makes a status of 1 of it
            sys.stdout.flush()  # what cannot be written is told here, not at the interpreter's end
            raise
    except SRGANError as error:
        if os.environ.get("SRGAN_DEBUG"):
            raise
        print(f"srgan: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # Whoever read the output has had enough.
        _silence(sys.stdout)
        sys.exit(141)
    except KeyboardInterrupt:
        print("srgan: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        # What concerns a picture has been told as an error of ours.
        if os.environ.get("SRGAN_DEBUG"):
            raise
        print(f"srgan: {_where(error)}: {error.strerror or error}", file=sys.stderr)
        _silence(sys.stdout)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("SRGAN_DEBUG"):
            raise
        print(
            f"srgan: {type(error).__name__}: {error} (this should not happen; "
            "run `srgan --debug …` to see where, and report it)",
            file=sys.stderr,
        )
        sys.exit(1)


def _where(error: OSError) -> str:
    """What the system refused, as far as the error tells."""
    if error.filename:
        return str(error.filename)
    if not isinstance(error, FileNotFoundError):
        return "standard output cannot be written"
    try:
        Path.cwd()
    except FileNotFoundError:
        return "the current folder is gone"
    return "set TMPDIR to a folder that can be written"  # tempfile's, the only one without a name


def run() -> NoReturn:
    """The program ``srgan``: the command line, and an end that does not tidy up what ends anyway.

    Taking down the interpreter and freeing a network's memory piece by piece takes a tenth of a
    second; the system does it at once.
    """
    # Plugins of pydantic, which reads typer's parameters, are searched among all that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    _end_in_a_container()
    _open_streams()
    _say_warnings_plainly()
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = 0 if end.code is None else end.code
    alone = threading.active_count() == 1 and "multiprocessing.process" not in sys.modules
    if not (alone and isinstance(status, int)):
        sys.exit(status)  # type: ignore[arg-type]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _end_in_a_container() -> None:
    """The system ends a process that does not listen to SIGTERM, but for a container's first."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _say_warnings_plainly() -> None:
    """srgan's own warnings are a line to its user; others name the line that gave them."""
    usual = warnings.formatwarning

    def shown(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if issubclass(category, SRGANWarning):
            return f"srgan: {message}\n"
        return usual(message, category, filename, lineno, line)

    warnings.formatwarning = shown


def _silence(stream: TextIO) -> None:
    """Let nothing be written to a stream at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_streams() -> None:
    # A stream that the caller closed is None, and its number would go to the next file opened:
    # the picture, into which any library could then write its warnings.
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, stream)
    # An arrow or a name that the terminal's encoding lacks is no error.
    codecs.register_error("srgan", _spelled)
    usual = ("strict", "surrogateescape", "backslashreplace")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in usual:
            stream.reconfigure(errors="srgan")


def _spelled(error: UnicodeError) -> tuple[str | bytes, int]:
    """What an encoding lacks: srgan's own signs in ASCII, all else escaped."""
    if isinstance(error, UnicodeEncodeError):
        error.end = error.start + 1
        if sign := _SIGNS.get(error.object[error.start]):
            return sign, error.end
    return codecs.backslashreplace_errors(error)


if __name__ == "__main__":
    run()
