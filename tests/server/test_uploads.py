import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from srgan.server.limits import ServerLimits
from srgan.server.problems import Problem
from srgan.server.uploads import Form, receive_form

BOUNDARY = "b"


def part(name: str, value: bytes, filename: str | None = None, *extra: str) -> bytes:
    more = "" if filename is None else f'; filename="{filename}"'
    lines = [f'Content-Disposition: form-data; name="{name}"{more}', *extra]
    return (
        f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"
    )


END = f"--{BOUNDARY}--\r\n".encode()
IMAGE = part("image", b"pixels", "a.png")


def receive(
    body: bytes,
    target: Path,
    *,
    step: int = 7,
    kind: str = f"multipart/form-data; boundary={BOUNDARY}",
    limits: ServerLimits | None = None,
) -> Form:
    async def stream() -> AsyncIterator[bytes]:
        for i in range(0, len(body), step):
            yield body[i : i + step]

    return asyncio.run(receive_form(kind, stream(), target, limits or ServerLimits()))


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_a_form_is_the_same_however_it_is_cut(tmp_path: Path, step: int) -> None:
    content = b"\r\n--b\r\r\n\x00--bx" * 50
    body = (
        part("scale", b"2") + part("image", content, "phot\u00f6.png") + part("model", b"m") + END
    )
    form = receive(body, tmp_path / "upload", step=step)
    assert form.fields == {"scale": "2", "model": "m"}
    assert form.name == "phot\u00f6.png"
    assert (tmp_path / "upload").read_bytes() == content


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (END, "bad_value"),
        (b"", "bad_request"),
        (b"nonsense", "bad_request"),
        (IMAGE, "bad_request"),
        (IMAGE[:20], "bad_request"),
        (part("image", b"pixels") + END, "bad_value"),
        (IMAGE + IMAGE + END, "bad_value"),
        (IMAGE + part("other", b"x", "b.png") + END, "bad_value"),
        (part("scale", b"2") * 2 + IMAGE + END, "bad_value"),
        (part("scale", b"2" * 5000) + IMAGE + END, "bad_value"),
        (part("image", b"x", "n" * 256) + END, "bad_value"),
        (b"".join(part(f"f{i}", b"") for i in range(1000)) + IMAGE + END, "bad_request"),
        (part("image", b"x", "a.png", "X: " + "y" * 9000) + END, "bad_request"),
        (part("image", b"x", "a.png", *[f"X{i}: y" for i in range(20)]) + END, "bad_request"),
        (b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n" + END, "bad_request"),
        (b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" + END, "bad_request"),
    ],
)
def test_a_form_that_breaks_a_rule_is_refused(tmp_path: Path, body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        receive(body, tmp_path / "upload")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("", "unsupported_type"),
        ("image/png", "unsupported_type"),
        ("application/json", "unsupported_type"),
        ("application/x-www-form-urlencoded", "unsupported_type"),
        ("multipart/mixed; boundary=b", "unsupported_type"),
        ("multipart/form-data", "bad_request"),
        ("multipart/form-data; boundary=", "bad_request"),
        ("multipart/form-data; boundary=" + "b" * 201, "bad_request"),
    ],
)
def test_another_type_is_refused(tmp_path: Path, kind: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        receive(IMAGE + END, tmp_path / "upload", kind=kind)
    assert refused.value.code == code


@pytest.mark.parametrize(("parts", "taken"), [(2, True), (3, True), (4, False)])
def test_the_limit_of_parts_on_both_sides(tmp_path: Path, parts: int, taken: bool) -> None:
    body = b"".join(part(f"f{i}", b"") for i in range(parts - 1)) + IMAGE + END
    limits = ServerLimits(max_parts=3)
    if taken:
        assert len(receive(body, tmp_path / "upload", limits=limits).fields) == parts - 1
    else:
        with pytest.raises(Problem):
            receive(body, tmp_path / "upload", limits=limits)
