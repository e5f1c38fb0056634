import contextlib
import os
import re
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra srgan[serve]")
pytest.importorskip("granian", reason="needs the extra srgan[serve]")

from srgan.image.atomic import sweep
from srgan.server.limits import table

COMMAND = [sys.executable, "-m", "srgan.cli.main", "serve"]
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": SOURCE} | environment
    return subprocess.run(
        [*COMMAND, *arguments], env=variables, capture_output=True, text=True, timeout=240
    )


def test_limits_lists_every_flag_and_variable_with_what_is_in_force() -> None:
    listed = run("--limits", "--queue-jobs", "5", SRGAN_KEEP_SECONDS="77").stdout
    for row in table():
        assert row.flag in listed
        assert row.variable in listed
    assert re.search(r"--queue-jobs +SRGAN_QUEUE_JOBS +5 jobs", listed)
    assert re.search(r"--keep-seconds +SRGAN_KEEP_SECONDS +77 s", listed)


def test_a_server_that_fails_ends_instead_of_answering_nobody() -> None:
    failing = (
        "import srgan.server.run as run; del run.SocketHolder; import srgan.cli.main as m; m.run()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", failing, "serve", "--port", "0", "-m", "nearest"],
        env=os.environ | {"PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 1
    assert "CRITICAL the server failed: NameError" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--host", "0.0.0.0"], "--token"),
        (["--host", "0.0.0.0", "--token", "x"], "--allowed-host"),
        (["--model", "nothing"], "bicubic"),
        (["--queue-jobs", "0"], "--queue-jobs"),
        (["--port", "99999"], "--port"),
        (["--port", "0", "--spool", "/nothing/there"], "--spool /nothing/there: No such file"),
        (["--port", "0", "--threads", "0"], "--threads"),
        (["--port", "0", "--device", "tpu"], "auto, cpu or cuda"),
        (["--port", "0", "--allowed-host", "https://photos.example/"], "without http://"),
        (["--port", "0", "--allowed-host", "photos.example:8000"], "without a port"),
    ],
)
def test_what_cannot_be_served_is_one_line_that_says_how_to_mend_it(
    arguments: list[str], named: str
) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_it_serves_until_sigterm_and_leaves_nothing(tmp_path: Path) -> None:
    killed = tmp_path / ".srgan-0123456789abcdef.part"  # its server's lock went with it
    (killed / "job").mkdir(parents=True)
    (killed / "job" / "upload").write_bytes(b"somebody's photo")
    server = subprocess.Popen(
        [*COMMAND, "--port", "0", "--model", "bicubic", "--spool", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server, contextlib.ExitStack() as clients:
        clients.callback(server.kill)  # after a failure; harmless when it has ended
        assert server.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())
        assert address is not None
        assert b"srgan" in urllib.request.urlopen(address[0], timeout=120).read()
        (spool,) = tmp_path.iterdir()
        assert spool != killed
        assert stat.S_IMODE(spool.stat().st_mode) == 0o700
        assert sweep(tmp_path) == 0  # as another server would
        # Open connections, half of them with a request on its way, must not disturb the end.
        for number in range(8):
            client = socket.create_connection(("127.0.0.1", int(address[1])), timeout=120)
            clients.enter_context(client)
            if number % 2:
                client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.terminate()
        _, errors = server.communicate(timeout=120)
        assert server.returncode == 0, errors
        assert "panick" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2 and SIGTERM")
@pytest.mark.parametrize(
    ("host", "options", "name"),
    [
        ("0.0.0.0", ["--allowed-host", "Photos.example", "--token", "s3cret"], "photos.example"),
        ("127.0.0.2", [], "127.0.0.2"),
    ],
)
def test_the_address_that_is_printed_is_answered_to(
    host: str, options: list[str], name: str
) -> None:
    command = [*COMMAND, "--host", host, "--port", "0", "--model", "bicubic", *options]
    server = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": SOURCE}, stdout=subprocess.PIPE, text=True
    )
    with server, contextlib.ExitStack() as ending:
        ending.callback(server.terminate)
        assert server.stdout is not None
        printed = re.search(r"http://(([^:/]+):(\d+))/", server.stdout.readline())
        assert printed is not None
        assert printed[2] == name
        request = urllib.request.Request(
            f"http://{host}:{printed[3]}/", headers={"Host": printed[1]}
        )
        assert urllib.request.urlopen(request, timeout=120).status == 200
