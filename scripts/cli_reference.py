"""Write docs/cli.md from the commands themselves: ``python scripts/cli_reference.py``."""

from pathlib import Path
from typing import Any

import typer

from srgan.cli import main

TARGET = Path(__file__).resolve().parents[1] / "docs" / "cli.md"


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    status = " ".join(main.HELP.partition("Exit status: ")[2].split())
    parts = [
        "# Command line\n\nWritten by `python scripts/cli_reference.py` from the commands "
        f"themselves.\n\nExit status of all commands: {status} "
        "`srgan --debug COMMAND …` shows where an error came from.\n"
    ]
    _describe(typer.main.get_command(main.build()), "srgan", parts)
    return "\n".join(parts)


def _describe(command: Any, path: str, parts: list[str]) -> None:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            _describe(inner, f"{path} {name}", parts)
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = " ".join([path, "[OPTIONS]", *map(_value, arguments)])
    parts.append(f"## `{path}`\n\n{(command.help or '').strip()}\n\n```\n{usage}\n```\n")
    rows = [f"| `{_value(p)}` | {_help(p)} |" for p in arguments]
    rows += [f"| {_names(p)} | {_help(p)} |" for p in options]
    if rows:
        parts.append("| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n")


def _value(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.strip("_").upper())


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {_value(option)}"
    return names + value.replace("|", "\\|")


def _help(parameter: Any) -> str:
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = getattr(parameter, "default", None)
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    if variable := getattr(parameter, "envvar", None):
        text += f" Also by the variable {variable}."
    return f"{text} Default {default}." if shown and "efault" not in text else text


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
