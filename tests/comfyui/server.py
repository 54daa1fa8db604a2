"""A real ComfyUI in a process of its own, and what tests ask of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

START = 300.0  # s until it must answer
ENDS = ("execution_success", "execution_error", "execution_interrupted")

Prompt = dict[str, dict[str, Any]]
"""A graph in API format."""

Event = dict[str, Any]
"""A message of the websocket: type and data."""


@dataclass
class Run:
    """What became of a prompt."""

    events: list[Event] = field(default_factory=list)
    """Messages about it, in their order."""

    previews: list[bytes] = field(default_factory=list)
    """Pictures that were shown on the way: 8 bytes of ComfyUI's, and a JPEG file."""

    history: dict[str, Any] = field(default_factory=dict)
    """Its entry in /history."""

    @property
    def end(self) -> Event:
        """The last message: success, error or interrupted."""
        return self.events[-1]

    @property
    def executed(self) -> set[str]:
        """Ids of the nodes that ran; the others were answered from the cache."""
        return {
            event["data"]["node"]
            for event in self.events
            if event["type"] == "executing" and event["data"]["node"] is not None
        }

    def images(self, node: str) -> list[dict[str, str]]:
        """What an output node has saved."""
        images: list[dict[str, str]] = self.history["outputs"][node]["images"]
        return images


class Server:
    """Runs ComfyUI until it is closed.

    Args:
        folder: of ComfyUI.
        base: its base directory; its log is written there.
        environment: added to that of this process.
        frontend: folder of the page's files, in place of the installed ones.
    """

    def __init__(
        self, folder: Path, base: Path, environment: dict[str, str], frontend: str | None = None
    ) -> None:
        self._log = base / "comfyui.log"
        self._folder, self._environment = folder, {**os.environ, **environment}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._command = [
            sys.executable,
            "main.py",
            "--cpu",
            "--disable-auto-launch",
            *("--listen", "127.0.0.1", "--port", str(port)),
            *("--base-directory", str(base)),
            *("--database-url", f"sqlite:///{base / 'comfyui.db'}"),
            *(("--front-end-root", frontend) if frontend else ()),
        ]
        self._start()

    def __enter__(self) -> Server:
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def log(self) -> str:
        """All that it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def memory(self) -> int:
        """Bytes that it holds, by Linux."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) << 10

    def get(self, path: str) -> tuple[str, bytes]:
        """Content type and body."""
        with urllib.request.urlopen(self.address + path, timeout=60) as response:
            return response.headers.get_content_type(), response.read()

    def get_json(self, path: str) -> Any:
        """The same, read as JSON."""
        return json.loads(self.get(path)[1])

    def post(self, path: str, data: object) -> None:
        """Sends JSON."""
        request = urllib.request.Request(
            self.address + path, json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60):
            pass

    def view(self, image: dict[str, str]) -> bytes:
        """A picture that a node has put out."""
        return self.get(f"/view?{urllib.parse.urlencode(image)}")[1]

    def run(self, prompt: Prompt, on_event: Callable[[Event], None] | None = None) -> Run:
        """Runs a graph to its end.

        Args:
            prompt: in API format.
            on_event: told of every message as it comes.
        """
        return asyncio.run(self._run(prompt, on_event))

    async def _run(self, prompt: Prompt, on_event: Callable[[Event], None] | None) -> Run:
        aiohttp = import_module("aiohttp")  # ComfyUI's own; other environments need not have it
        run = Run()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.address}/ws?clientId=tests", max_msg_size=0) as messages,
        ):
            body = {"prompt": prompt, "client_id": "tests"}
            async with session.post(f"{self.address}/prompt", json=body) as response:
                answer = await response.json()
                assert response.status == 200, answer
            identity = answer["prompt_id"]
            async for message in messages:
                if message.type == aiohttp.WSMsgType.BINARY:
                    run.previews.append(message.data)
                if message.type != aiohttp.WSMsgType.TEXT:
                    continue
                event = json.loads(message.data)
                if event["data"].get("prompt_id") != identity:
                    continue
                run.events.append(event)
                if on_event is not None:
                    on_event(event)
                if event["type"] in ENDS:
                    break
            # Its history is written just after the last message.
            while identity not in (history := self.get_json(f"/history/{identity}")):
                await asyncio.sleep(0.05)
            run.history = history[identity]
        return run

    def restart(self) -> None:
        """Ends it, and starts it anew on the same base directory."""
        self._stop()
        self._start()
        self._wait()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended before it answered:\n{self.log()[-4000:]}")
            try:
                self.get("/system_stats")
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"ComfyUI does not answer:\n{self.log()[-4000:]}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
