"""A program that fetches one file from the Hub, so that it can be ended at any moment: the Hub's
client waits a minute and longer for a server that has fallen silent.

`hub` runs it by its path, with a JSON object in place of options. It prints JSON objects, one a
line: {"done": bytes}, several times a second, and at the end {"path": ...} or {"reason": ...}. When
nobody reads them any more, it ends. It imports nothing of this package.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICK = 0.2
"""Seconds between two reports."""

CHUNK = 1 << 16
"""Bytes that the client writes at a time; by default it waits for 10 MB."""

STALE = 86_400.0
"""Seconds after which nobody writes to a file any more that is not whole."""

_DISK = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.ENOTDIR, errno.EEXIST,
}  # fmt: skip


def reason(error: BaseException, source: str) -> str:
    """Why the Hub did not do what it was asked to, in one line, with the HTTP status if there is
    one.

    Args:
        error: what its client has raised; of the libraries below the client, any.
        source: what was asked for, such as `repository at revision ...`.
    """
    from huggingface_hub import errors  # noqa: PLC0415  slow

    chain = list(_chain(error))

    def one(kind: type[BaseException]) -> bool:
        return any(isinstance(link, kind) for link in chain)

    responses = [getattr(link, "response", None) for link in chain]
    status = next((response.status_code for response in responses if response is not None), None)
    full = next((one for one in chain if isinstance(one, OSError) and one.errno in _DISK), None)
    if one(errors.OfflineModeIsEnabled):
        return "the Hub's client is offline (HF_HUB_OFFLINE is set)"
    if full is not None:
        return f"it cannot be written: {full.strerror}"
    if one(errors.FileMetadataError):
        return (
            "what answers is not the Hugging Face Hub: a login page of this network, a proxy, or a "
            "wrong HF_ENDPOINT"
        )
    # Subclasses first: gated is a kind of not found.
    if one(errors.GatedRepoError):
        why = f"{source} asks for its terms to be accepted and a login (hf auth login)"
    elif status == 401 or one(errors.RepositoryNotFoundError):
        why = f"there is no {source}, or it is private and needs a login (hf auth login)"
    elif one(errors.RevisionNotFoundError):
        why = f"there is no {source}: no such revision"
    elif status == 403:
        why = f"{source} needs a login with more rights (hf auth login)"
    elif status == 404:
        why = f"{source} has no such file"
    elif status == 429:
        why = "too many requests; try again later, or log in (hf auth login)"
    elif status is not None and status >= 500:
        why = "the server has failed; try again later"
    elif status is not None:
        why = "the server refuses"
    else:
        # The innermost says what happened, those around it who found out.
        texts = [getattr(link, "strerror", None) or str(link) for link in reversed(chain)]
        text = next((text for text in texts if text.strip()), type(error).__name__)
        return f"the connection failed: {' '.join(text.split())}"
    return f"HTTP {status}: {why}" if status is not None else why


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
        size: what is to come, in bytes; None if nobody knows.
        patience: seconds to wait for the next byte.
    """

    def __init__(self, size: int | None, patience: float) -> None:
        self._size = size
        self._patience = patience
        self._pattern = ""
        self._folder = Path()
        self._before: dict[Path, int] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def follow(self, folder: Path, pattern: str) -> None:
        """Takes the file that grows from now on, of those in a folder, for the one that comes."""
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
                say(done=done)
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
    source = f"{repo_id} at revision {revision}"
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
        folder = repo_folder_name(repo_id=repo_id, repo_type="model")
        watch.follow(Path(cache_dir) / folder / "blobs", f"{about.etag}*.incomplete")
        path = hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            endpoint=endpoint,
            cache_dir=cache_dir,
            force_download=force_download,
        )
    except Exception as error:
        say(reason=reason(error, source))
    else:
        say(path=path)


def main() -> None:
    job = json.loads(sys.argv[1])
    sys.path[:] = job.pop("sys_path")
    # Other ways to download do not say how far they are, nor stop.
    os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_ENABLE_HF_TRANSFER="0")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this is told, and ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the client cleans up
    fetch(Watch(job["size"], job.pop("patience")), **job)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # all is done, but for the interpreter's own end


if __name__ == "__main__":
    main()
