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
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""A revision for tests, and what a branch name stands for."""

STATUS = {
    "Unauthorized": 401,
    "GatedRepo": 403,
    "RepoNotFound": 404,
    "RevisionNotFound": 404,
    "EntryNotFound": 404,
}

_TARGET = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([\w.-]+)/([\w.-]+)")
_COMMIT_TARGET = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/(preupload|commit)/main")
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
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        with self._lock:
            match = _TARGET.fullmatch(target)
            if match is None:  # some clients ask for things of their own, once in a process
                return 404, {}, b""
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
            if method == "GET" and self.corrupt:
                self.corrupt -= 1
                body = body[:-1] + bytes([body[-1] ^ 1])
            return 200, headers, body

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
            status, headers, body = hub.answer(method, self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if method == "GET":
                try:
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client has cancelled

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
