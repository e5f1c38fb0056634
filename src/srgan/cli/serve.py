"""``srgan serve``: a web page and an HTTP API."""

from __future__ import annotations

import inspect
import ipaddress
import logging
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from srgan.cli.options import Device, Threads
from srgan.errors import UsageError
from srgan.server.limits import ServerLimits, resolve, table

_CONNECTIONS_BACKLOG = 2048


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each limit of the server's table."""

    def run(**options: Any) -> None:
        flags = {row.name: options.pop(row.name) for row in table()}
        command(limits=resolve(flags), **options)

    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.name != "limits"]
    extra = [
        inspect.Parameter(
            row.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                row.kind | None,
                Option(
                    row.flag,
                    help=f"{row.help[0].upper()}{row.help[1:]}. "
                    f"Default: {row.default:g} {row.unit}.",
                ),
            ],
        )
        for row in table()
    ]
    run.__signature__ = signature.replace(parameters=[*own, *extra])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in [*own, *extra]}
    run.__name__, run.__doc__ = "serve", command.__doc__
    return run


def _serve(
    limits: ServerLimits,
    *,
    host: Annotated[
        str, Option("--host", help="Address to listen on. Another than this machine needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, Option("--port", help="Port; 0 takes a free one.")] = 8000,
    allowed_host: Annotated[
        list[str] | None,
        Option("--allowed-host", help="A host name to answer to; may be given several times."),
    ] = None,
    token: Annotated[
        str | None,
        Option(
            "--token",
            envvar="SRGAN_TOKEN",
            help="What clients must send as Authorization: Bearer TOKEN; `new` makes one.",
        ),
    ] = None,
    model: Annotated[
        str | None, Option("-m", "--model", help="The model that is used by default.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    spool: Annotated[
        Path | None,
        Option("--spool", help="Folder for uploads and results. Default: a temporary one."),
    ] = None,
    show_limits: Annotated[
        bool, Option("--limits", help="List every limit with its flag and variable, and end.")
    ] = False,
) -> None:
    """Serve a web page and an HTTP API on this machine.

    Listens on 127.0.0.1 only. For another address give --host, --allowed-host for each name that
    clients use, and --token. Ctrl-C or SIGTERM finishes the jobs that can be finished in time.
    """
    if show_limits:
        _print_limits(limits)
        return
    try:
        from srgan.server.app import Config, create_app
        from srgan.server.run import listen, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f'the server needs {error.name}; install it with: pip install "srgan[serve]"'
        ) from error
    from srgan.image.atomic import private_folder, sweep
    from srgan.inference.runtimes import check_threads, choose_device
    from srgan.server.guards import LOCAL_HOSTS, Access, is_host
    from srgan.server.lane import LibraryOpener
    from srgan.weights.catalog import DEFAULT, models

    known = tuple(m for m in models() if m.kind != "search")  # too slow for those who wait
    shipped = {m.name for m in known}
    default = model or (DEFAULT if DEFAULT in shipped else "bicubic")
    if default not in shipped:
        names = ", ".join(m.name for m in known)
        raise UsageError(f"there is no model {default!r}; choose one of {names}")
    if not _is_local(host) and not (token and allowed_host):
        raise UsageError(
            f"--host {host} lets other machines in: give --token (or --token new) and "
            "--allowed-host with the name that they will use"
        )
    for name in allowed_host or ():
        if not is_host(name):
            raise UsageError(
                f"--allowed-host {name}: give a host name alone, such as photos.example, "
                "without http:// and without a port"
            )
    choose_device(device)  # now, not when clients wait for a model that cannot be opened
    check_threads(threads)
    if token == "new":
        token = secrets.token_urlsafe(24)
    hosts = [name.lower() for name in allowed_host or ()]
    # The address that is printed is one that is answered to.
    own = hosts[0] if _is_any(host) else f"[{host}]" if ":" in host else host.lower()
    access = Access((*LOCAL_HOSTS, own, *hosts), token)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    listener = listen(host, port, backlog=_CONNECTIONS_BACKLOG)
    shown = f"http://{own}:{listener.getsockname()[1]}/"
    if token:
        shown += f"#token={token}"
    try:
        parent = (spool or Path(tempfile.gettempdir())).absolute()
        sweep(parent)  # what a killed server left
        folder = private_folder(parent)
    except OSError as error:
        where = f"--spool {spool}" if spool else "--spool"
        raise UsageError(
            f"{where}: {error.strerror}; name a folder that is there and can be written"
        ) from error
    config = Config(known, default, folder, access, limits, LibraryOpener(device, threads))
    serve(
        create_app(config),
        listener,
        limits,
        started=lambda: print(f"srgan serves at {shown}  (Ctrl-C ends it)", flush=True),
        ended=lambda: shutil.rmtree(folder, ignore_errors=True),
    )


def _is_any(host: str) -> bool:
    """Whether it stands for all addresses of this machine, and so is none to go to."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _print_limits(limits: ServerLimits) -> None:
    rows = [
        (row.flag, row.variable, f"{getattr(limits, row.name):g} {row.unit}", row.help)
        for row in table()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[3]]), file=sys.stdout)


serve = with_limits(_serve)
