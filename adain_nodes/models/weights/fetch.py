"""A program that fetches a file from the Hub, or some tensors of one, so that it can be ended at
any moment: the Hub's client waits a minute and longer for a server that has fallen silent.

`hub` runs it by its path, with a JSON object in place of options. It prints JSON objects, one a
line: {"done": bytes, "total": bytes}, several times a second, and at the end {"path": ...},
{"reason": ...} or {"error": ...}. When nobody reads them any more, it ends. It imports nothing of
this package.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

TICK = 0.2
"""Seconds between two reports."""

CHUNK = 1 << 16
"""Bytes that the client writes at a time; by default it waits for 10 MB."""

HEADER = 10_000_000
"""Bytes beyond which a safetensors header is taken for damage."""

STALE = 86_400.0
"""Seconds after which nobody writes to a file any more that is not whole."""

_DISK = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.ENOTDIR, errno.EEXIST,
}  # fmt: skip


def facts(error: BaseException) -> dict[str, Any]:
    """What `reasons.reason` wants to know of an error of the Hub's client, or of any library below
    it."""
    chain = list(_chain(error))
    responses = [getattr(link, "response", None) for link in chain]
    disk = [link for link in chain if isinstance(link, OSError) and link.errno in _DISK]
    # The innermost says what happened, those around it who found out.
    texts = [getattr(link, "strerror", None) or str(link) for link in reversed(chain)]
    return {
        "kinds": [kind.__name__ for link in chain for kind in type(link).__mro__],
        "status": next((one.status_code for one in responses if one is not None), None),
        "disk": disk[0].strerror if disk else None,
        "text": " ".join(next(filter(str.strip, texts), type(error).__name__).split()),
    }


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


class Watch:
    """Says how much of a file has come, several times a second, until the process ends; ends it if
    nothing comes for a while, or too much.

    Args:
        patience: seconds to wait for the next byte.
    """

    def __init__(self, patience: float) -> None:
        self._size: int | None = None
        self._patience = patience
        self._pattern = ""
        self._folder = Path()
        self._before: dict[Path, int] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def follow(self, folder: Path, pattern: str, size: int | None) -> None:
        """Takes the file that grows from now on, of those in a folder, for the one that comes, of
        so many bytes if that is known."""
        self._size = size
        for path in folder.glob("*.incomplete"):  # of processes that were killed
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()
        self._folder, self._pattern = folder, pattern
        self._before = {path: status.st_mtime_ns for path, status in self._found()}

    def _found(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob(self._pattern) if self._pattern else ():
            with suppress(OSError):
                yield path, path.stat()

    def _run(self) -> None:
        most, since = 0, time.monotonic()
        while True:
            time.sleep(TICK)
            moving = [
                status
                for path, status in self._found()
                if self._before.get(path) != status.st_mtime_ns
            ]
            newest = max(moving, key=lambda status: status.st_mtime_ns, default=None)
            done = newest.st_size if newest else 0
            if done > most:
                most, since = done, time.monotonic()
            try:
                say(done=done, total=self._size)
                if self._size is not None and done > self._size:
                    say(reason=f"the server sends more than the {self._size} bytes of the file")
                elif time.monotonic() - since > self._patience:
                    say(reason=f"the server has sent nothing for {self._patience:g} s")
                else:
                    continue
            except OSError:  # nobody reads any more
                pass
            os.kill(os.getpid(), signal.SIGTERM)
            return


def say(**what: object) -> None:
    """Prints a line for the process that reads it."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def fetch(
    watch: Watch,
    *,
    repo_id: str,
    filename: str,
    revision: str,
    endpoint: str,
    cache_dir: str,
    force_download: bool,
    size: int | None,
) -> None:
    """Fetches a file into the Hub's cache, and says its path there or why it is not."""
    try:
        from huggingface_hub import (  # noqa: PLC0415  slow: the watch runs already
            constants,
            get_hf_file_metadata,
            hf_hub_download,
            hf_hub_url,
        )
        from huggingface_hub.errors import FileMetadataError  # noqa: PLC0415
        from huggingface_hub.file_download import repo_folder_name  # noqa: PLC0415

        constants.DOWNLOAD_CHUNK_SIZE = CHUNK
        url = hf_hub_url(repo_id, filename, revision=revision, endpoint=endpoint)
        # Asked here first, because the client asks six times in 23 s if nobody answers.
        about = get_hf_file_metadata(url)
        if about.commit_hash is None or about.etag is None:
            raise FileMetadataError("no headers of the Hub")
        if size is not None and about.size not in (size, None):
            say(reason=f"the server has {about.size} bytes, the file has {size}")
            return
        blobs = Path(cache_dir) / repo_folder_name(repo_id=repo_id, repo_type="model") / "blobs"
        partial = blobs / f"{about.etag}.incomplete"
        if force_download or _beyond(partial, about.size):
            partial.unlink(missing_ok=True)
        _go_on_with(partial)
        watch.follow(blobs, f"{about.etag}*.incomplete", about.size)
        path = hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            endpoint=endpoint,
            cache_dir=cache_dir,
            force_download=force_download,
        )
    except Exception as error:
        say(error=facts(error))
    else:
        partial.unlink(missing_ok=True)
        say(path=path, total=about.size)


def _beyond(path: Path, size: int | None) -> bool:
    return size is not None and path.is_file() and path.stat().st_size > size


def _go_on_with(partial: Path) -> None:
    """Has the client begin with what an earlier download has left under a name, and leave there
    what it gets itself.

    Clients before 1.0 do. Later ones write to a file of another name each time and remove it at the
    end; it gets this name as its second.
    """
    from huggingface_hub import file_download  # noqa: PLC0415

    get = file_download.http_get

    def http_get(url: str, temp_file: Any, *, resume_size: int = 0, **options: Any) -> None:
        if not (partial.exists() and partial.samefile(temp_file.name)):
            if partial.exists():
                with partial.open("rb") as earlier:
                    shutil.copyfileobj(earlier, temp_file)
                temp_file.flush()
                resume_size = temp_file.tell()
                partial.unlink()
            with suppress(OSError):  # some file systems have no links
                partial.hardlink_to(temp_file.name)
        get(url, temp_file, resume_size=resume_size, **options)

    file_download.http_get = http_get  # type: ignore[assignment, unused-ignore]


def fetch_tensors(
    watch: Watch,
    names: list[str],
    *,
    repo_id: str,
    filename: str,
    revision: str,
    endpoint: str,
    sha256: str,
    output: str,
) -> None:
    """Fetches some tensors of a safetensors file into a file of that format, and says its path,
    none if the server cannot send parts of a file, or why it is not there.

    What an earlier call has left of the output is taken for its beginning; nobody else may be
    writing it.
    """
    path = Path(output)
    try:
        from huggingface_hub import (  # noqa: PLC0415
            constants,
            get_hf_file_metadata,
            hf_hub_url,
        )

        constants.DOWNLOAD_CHUNK_SIZE = CHUNK
        url = hf_hub_url(repo_id, filename, revision=revision, endpoint=endpoint)
        about = get_hf_file_metadata(url)
        if re.fullmatch("[0-9a-f]{64}", about.etag or "") and about.etag != sha256:
            say(reason=f"the server has another file (sha256 {about.etag}, expected {sha256})")
            return
        length = int.from_bytes(_part(url, 0, 8), "little")
        if length > HEADER:
            raise _NotInPartsError
        entries = json.loads(_part(url, 8, 8 + length))
        header, parts = _selected(entries, names, 8 + length)
        watch.follow(path.parent, path.name, len(header) + sum(b - a for a, b in parts))
        with path.open("ab") as file:
            done = file.tell()
            file.write(header[done:])
            done = max(0, done - len(header))
            for start, end in parts:
                skipped = min(done, end - start)
                done -= skipped
                if start + skipped < end:
                    _part(url, start + skipped, end, file)
    except (_NotInPartsError, KeyError, ValueError):  # the header is not one, say
        say(path=None)
    except Exception as error:
        say(error=facts(error))
    else:
        say(path=output)


class _NotInPartsError(Exception):
    """A server sends whole files alone."""


class _Sink:
    """A file that takes so many bytes and no more, for the client to write to."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room, self._done = file, room, 0

    def write(self, data: bytes) -> None:
        if self._done + len(data) > self._room:
            raise _NotInPartsError
        self._file.write(data)
        self._file.flush()
        self._done += len(data)

    def tell(self) -> int:
        return self._done

    def seek(self, *_: object) -> None:
        raise _NotInPartsError  # the client would start over


def _part(url: str, start: int, end: int, file: Any = None) -> bytes:
    """Bytes of a file on the Hub, written to a file if there is one."""
    from huggingface_hub import utils  # noqa: PLC0415
    from huggingface_hub.file_download import http_get  # noqa: PLC0415

    buffer = io.BytesIO()
    sink: Any = _Sink(file or buffer, end - start)
    login = utils.build_hf_headers()  # type: ignore[attr-defined, unused-ignore]
    headers = {**login, "Range": f"bytes={start}-{end - 1}"}
    http_get(url, sink, headers=headers, expected_size=end - start, displayed_filename="tensors")
    return buffer.getvalue()


def _selected(
    entries: dict[str, Any], names: list[str], start: int
) -> tuple[bytes, list[tuple[int, int]]]:
    """Header of a safetensors file with some tensors of another one, and where those are in that;
    its tensors begin at a byte `start`."""
    wanted = sorted((entries[name]["data_offsets"], name) for name in names)
    header: dict[str, Any] = {}
    parts: list[tuple[int, int]] = []
    size = 0
    for (first, last), name in wanted:
        header[name] = {**entries[name], "data_offsets": [size, size + last - first]}
        size += last - first
        if parts and parts[-1][1] == start + first:
            parts[-1] = (parts[-1][0], start + last)
        else:
            parts.append((start + first, start + last))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, parts


def main() -> None:
    job = json.loads(sys.argv[1])
    sys.path[:] = job.pop("sys_path")
    # Other ways to download do not say how far they are, nor stop.
    os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_ENABLE_HF_TRANSFER="0")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this is told, and ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the client cleans up
    watch, names = Watch(job.pop("patience")), job.pop("tensors")
    if names is None:
        fetch(watch, **job)
    else:
        fetch_tensors(watch, names, **job)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # all is done, but for the interpreter's own end


if __name__ == "__main__":
    main()
