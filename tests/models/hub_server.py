"""A loopback stand-in for the Hugging Face Hub that satisfies its real client.

Serves DIR/<namespace>/<name>/<file> at every revision that is a commit hash, and takes commits of
small files. From Python it is a context manager that counts requests and misbehaves on demand; from
a shell:

    python tests/models/hub_server.py --root DIR --port 8000

It speaks plain HTTP transfers only (no X-Xet-Hash).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""A revision for tests, and what a branch name stands for."""

STATUS = {
    "Unauthorized": 401,
    "GatedRepo": 403,
    "RepoNotFound": 404,
    "RevisionNotFound": 404,
    "EntryNotFound": 404,
}

Fault = Literal["cut", "reset", "stall", "more", "page"]
"""What can happen to a body: it ends in the middle, as does the connection; nothing more comes;
more comes than was said; a login page comes in place of all answers."""

WAIT = 60
"""Seconds after which a body that stalls is given up."""

BLOCK = 1 << 16
"""Bytes of a body that are sent at a time."""

_TARGET = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([\w.-]+)/([\w.-]+)")
_COMMIT_TARGET = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/(preupload|commit)/main")
_REVISION_TARGET = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/revision/main(?:\?.*)?")
_HASH = re.compile(r"[0-9a-f]{40}")


class HubServer:
    """Serves a folder on 127.0.0.1 until it is closed.

    Args:
        root: folder with <namespace>/<name>/<file>.
        port: 0 takes a free one.
    """

    def __init__(self, root: Path, port: int = 0) -> None:
        self.root = root
        self.requests: Counter[str] = Counter()
        """How often files were asked for by each HTTP method, or anything by POST."""
        self.corrupt = 0
        """How many of the next bodies get a wrong byte, the length staying right."""
        self.error: str | None = None
        """X-Error-Code to answer everything with, such as GatedRepo."""
        self.status: int | None = None
        """HTTP status to answer everything with, without any of the Hub's codes."""
        self.fault: Fault | None = None
        """What happens to bodies."""
        self.faults = 1 << 30
        """How many of the next bodies that happens to."""
        self.redirect: str | None = None
        """Address of another server that has the bodies."""
        self.pace: Callable[[int], object] = lambda _: None
        """Called before each `BLOCK` with the bytes that have been sent."""
        self.parts = True
        """Whether it sends parts of files."""
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.authorized: list[str] = []
        """Authorization of each request that had one."""
        self.left = threading.Event()
        """Set when a client has left a body that stalled."""
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def endpoint(self) -> str:
        """Its address, to be given as the Hub's."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes the port: from then on the server is dead."""
        self.stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def body_fault(self) -> Fault | None:
        """What happens to the next body."""
        with self._lock:
            self.faults -= 1
            return self.fault if self.faults >= 0 else None

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        with self._lock:
            if self.status:
                return self.status, {}, b""
            if self.fault == "page":
                return 200, {"Content-Type": "text/html"}, b"<!DOCTYPE html>Please log in"
            match = _TARGET.fullmatch(target)
            if match is None:
                return self._answer_else(target)
            self.requests[method] += 1
            repository, revision, name = match.groups()
            path = self.root / repository / name
            error = self.error
            if not path.parent.is_dir():
                error = error or "RepoNotFound"
            elif not path.is_file():
                error = error or "EntryNotFound"
            commit = revision if _HASH.fullmatch(revision) else COMMIT
            headers = {"X-Repo-Commit": commit}
            if error:
                return STATUS[error], {**headers, "X-Error-Code": error}, b""
            body = path.read_bytes()
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
            headers["Accept-Ranges"] = "bytes"
            if self.redirect:
                headers["X-Linked-Etag"] = headers["ETag"]
                headers["X-Linked-Size"] = str(len(body))
                return 302, {**headers, "Location": self.redirect + target}, b""
            if method == "GET" and self.corrupt:
                self.corrupt -= 1
                body = body[:-1] + bytes([body[-1] ^ 1])
            return 200, headers, body

    def _answer_else(self, target: str) -> tuple[int, dict[str, str], bytes]:
        """The same for what is no file: clients before 1.0 ask for a repository before they commit,
        some for things of their own, once in a process."""
        match = _REVISION_TARGET.fullmatch(target)
        if match is None or not (self.root / match[1]).is_dir():
            return 404, {}, b""
        about: dict[str, Any] = {"id": match[1], "sha": COMMIT, "siblings": [], "xetEnabled": False}
        return 200, {"Content-Type": "application/json"}, json.dumps(about).encode()

    def accept(self, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON for a POST: what making a repository and committing to it takes."""
        with self._lock:
            self.requests["POST"] += 1
            if self.error:
                return STATUS[self.error], {"error": self.error}
            if target == "/api/validate-yaml":
                return 200, {"errors": [], "warnings": []}
            if target == "/api/repos/create":
                request = json.loads(body)
                repository = f"{request['organization']}/{request['name']}"
                (self.root / repository).mkdir(parents=True, exist_ok=True)
                return 200, {"url": f"{self.endpoint}/{repository}"}
            match = _COMMIT_TARGET.fullmatch(target)
            if match is None:
                return 404, {}
            repository, action = match.groups()
            if action == "preupload":
                names = [file["path"] for file in json.loads(body)["files"]]
                modes = {"uploadMode": "regular", "shouldIgnore": False}
                return 200, {"files": [{"path": name, **modes} for name in names]}
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    (self.root / repository / line["value"]["path"]).write_bytes(content)
            url = f"{self.endpoint}/{repository}/commit/{COMMIT}"
            return 200, {"success": True, "commitUrl": url, "commitOid": COMMIT}

    def serve(self) -> None:
        """Serves in this thread until it is interrupted."""
        try:
            self._server.serve_forever()
        except KeyboardInterrupt:
            self._server.server_close()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._reply("HEAD")

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = hub.accept(self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _reply(self, method: str) -> None:
            if "Authorization" in self.headers:
                hub.authorized.append(self.headers["Authorization"])
            status, headers, body = hub.answer(method, self.path)
            first, last = 0, len(body) - 1
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if method == "GET" and status == 200 and asked and hub.parts:
                first, last = int(asked[1]), min(last, int(asked[2] or last))
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = 206, body[first : last + 1]
            fault = hub.body_fault() if method == "GET" and status < 300 else None
            self.send_response(status)
            length = {} if fault == "more" else {"Content-Length": str(len(body))}
            for name, value in {**headers, **length}.items():
                self.send_header(name, value)
            self.end_headers()
            if method == "GET":
                try:
                    self._send(body, fault)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client has cancelled

        def _send(self, body: bytes, fault: Fault | None) -> None:
            end = len(body) // 2 if fault in ("cut", "reset", "stall") else len(body)
            for start in range(0, end, BLOCK):
                hub.pace(start)
                hub.sent += self.wfile.write(body[start : min(start + BLOCK, end)])
            while fault == "more" and not hub.stopped.is_set():
                self.wfile.write(bytes(BLOCK))
            if fault == "stall":
                self.connection.settimeout(WAIT)
                self.connection.recv(1)  # nothing comes until the client is gone
                hub.left.set()
            if fault == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a folder like the Hugging Face Hub.")
    parser.add_argument("--root", type=Path, required=True, help="has <namespace>/<name>/<file>")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    hub = HubServer(options.root, options.port)
    print(hub.endpoint, flush=True)
    hub.serve()


if __name__ == "__main__":
    main()
