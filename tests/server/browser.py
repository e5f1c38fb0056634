"""Drives headless Chromium over its DevTools protocol: as much as these tests need."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--force-prefers-reduced-motion",  # moving pictures would take a busy machine's time
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
_PATIENCE = 180.0


def find_chromium() -> str | None:
    """The browser's path, if one is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One browser with one page."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 800) -> None:
        from websockets.sync.client import connect

        browser = find_chromium()
        assert browser is not None
        self.errors: list[str] = []
        self._number = 0
        command = [browser, *FLAGS, "--remote-debugging-port=0", f"--window-size={width},{height}"]
        address = None
        for attempt in range(3):  # on a busy machine it sometimes ends as soon as it has begun
            folder = profile / str(attempt)
            self.process = subprocess.Popen(
                [*command, f"--user-data-dir={folder}", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            address = _page_address(self.process, folder)
            if address is not None:
                break
        assert address is not None, "the browser ended three times before it had a page"
        self._open = ExitStack()
        # No pings: a busy browser may be slow to answer them.
        self._socket = self._open.enter_context(
            connect(address, max_size=None, open_timeout=_PATIENCE, ping_interval=None)
        )
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.send(f"{domain}.enable")
        self.resize(width, height)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; errors of the page are kept on the way."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_PATIENCE))
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return dict(message["result"])

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        if message.get("method") == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.errors.append(str(parameters["args"]))
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"] + parameters["entry"].get("url", ""))

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        deadline = time.monotonic() + _PATIENCE
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.05)

    def open(self, address: str) -> None:
        """Open a page and wait until its settings are filled."""
        self.send("Page.navigate", url=address)
        self.wait("document.querySelectorAll('#scales input').length")

    def resize(self, width: int, height: int, *, ratio: float = 1.0, phone: bool = False) -> None:
        """Give the page a size in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=ratio,
            mobile=phone,
        )

    def scheme(self, name: str) -> None:
        """Prefer ``"light"`` or ``"dark"``."""
        self.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}]
        )

    def choose(self, *files: Path) -> None:
        """Put files into the page's file dialog."""
        found = self.send("Runtime.evaluate", expression="document.getElementById('files')")
        node = found["result"]["objectId"]
        self.send("DOM.setFileInputFiles", files=[str(f) for f in files], objectId=node)

    def drop(self, file: Path, kind: str) -> None:
        """Drop a file on the page."""
        content = base64.b64encode(file.read_bytes()).decode()
        self.run(
            f"""(() => {{
            const bytes = Uint8Array.from(atob('{content}'), (c) => c.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], {json.dumps(file.name)}, {{ type: '{kind}' }}));
            for (const type of ['dragenter', 'dragover', 'drop']) {{
              document.body.dispatchEvent(
                new DragEvent(type, {{ dataTransfer: data, bubbles: true, cancelable: true }}));
            }}
            }})()"""
        )

    def mouse(self, kind: str, x: float, y: float) -> None:
        """A real mouse event, ``"mousePressed"``, ``"mouseMoved"`` or ``"mouseReleased"``."""
        self.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left",
            buttons=1,
            clickCount=1,
        )

    def screenshot(self, file: Path) -> None:
        """The page as PNG."""
        shot = self.send("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._open.close()
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _page_address(process: subprocess.Popen[bytes], profile: Path) -> str | None:
    """Where the browser's page listens; None where the browser has ended."""
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None:
        try:
            # Read anew each time: what is there may be half a number still.
            port = (profile / "DevToolsActivePort").read_text().split("\n")[0]
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=_PATIENCE) as answer:
                pages = json.load(answer)
            return str(next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page"))
        except (OSError, ValueError, StopIteration):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    return None
