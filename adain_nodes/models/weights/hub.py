"""Files from and to the Hugging Face Hub, by its own client; errors in one line.

The client's own settings hold: HF_ENDPOINT names a mirror, HF_HUB_CACHE the cache, HF_HUB_OFFLINE=1
keeps off the network.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...host.errors import InputError, one_line
from ...host.plain import Progress
from . import fetch
from .reasons import reason
from .tensors import file_sha256

PATIENCE = 30.0
"""Seconds to wait for the next byte."""

logger = logging.getLogger(__name__)


def cached(repo_id: str, filename: str, revision: str) -> Path | None:
    """A file's path in the Hub's cache, if it is there; asks nobody."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  slow, seldom needed

    path = try_to_load_from_cache(repo_id, filename, revision=revision)
    return Path(path) if isinstance(path, str) else None


def page(repo_id: str, filename: str, revision: str) -> str:
    """Where people can look at a file and download it by hand."""
    from huggingface_hub import constants  # noqa: PLC0415  slow, seldom needed

    return f"{constants.ENDPOINT}/{repo_id}/blob/{revision}/{filename}"


def download(
    repo_id: str,
    filename: str,
    revision: str,
    *,
    size: int | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Path:
    """Fetches a file into the Hub's cache unless it is there; of its content only the size is
    checked.

    It runs the Hub's client in a process of its own, see `fetch`, which ends at once if `progress`
    raises, if nothing comes for `PATIENCE` seconds, or if more comes than the file has.

    Args:
        repo_id: repository, namespace/name.
        filename: name in that repository.
        revision: commit, 40 hexadecimal digits.
        size: size of the file in bytes; if absent, any is taken, and progress begins when the
            server has told it.
        progress: called with bytes done and bytes in total, several times a second, and cancels by
            raising. If absent, the client shows its own bar on a terminal.
        force: whether to fetch the file even if it is there.

    Raises:
        InputError: the file cannot be fetched; the message says why.
    """
    from huggingface_hub import constants  # noqa: PLC0415  slow, seldom needed

    megabytes = f" ({size / 1e6:.1f} MB)" if size else ""
    logger.info("fetching %s%s from %s at revision %s", filename, megabytes, repo_id, revision)
    job = {
        "repo_id": repo_id,
        "filename": filename,
        "revision": revision,
        "cache_dir": constants.HF_HUB_CACHE,
        "force_download": force,
        "size": size,
        "tensors": None,
    }
    path = _fetched(job, size or 0, progress)
    if path is None:
        raise InputError(f"{filename} cannot be fetched: the download has ended without a word")
    return path


def download_tensors(
    repo_id: str,
    filename: str,
    revision: str,
    *,
    sha256: str,
    tensors: Sequence[str],
    size: int,
    output: Path,
    progress: Progress | None = None,
) -> bool:
    """Fetches some tensors of a safetensors file by range requests into a file of that format, and
    goes on where an earlier call has been ended. Their content is not checked.

    Args:
        repo_id: repository, namespace/name.
        filename: name in that repository.
        revision: commit, 40 hexadecimal digits.
        sha256: of the whole file, which the Hub says too.
        tensors: their names.
        size: of those tensors, about, in bytes.
        output: the file to write; not to be taken for whole unless this returns True.
        progress: see `download`.

    Returns:
        Whether it is there; if not, the server sends whole files alone, or the file lacks a tensor.

    Raises:
        InputError: the tensors cannot be fetched; the message says why.
    """
    logger.info(
        "fetching %d tensors (%.1f MB) of %s from %s at revision %s",
        len(tensors), size / 1e6, filename, repo_id, revision,
    )  # fmt: skip
    job = {
        "repo_id": repo_id,
        "filename": filename,
        "revision": revision,
        "sha256": sha256,
        "tensors": list(tensors),
        "output": str(output),
    }
    return _fetched(job, size, progress) is not None


def download_checked(repo_id: str, filename: str, revision: str) -> Path:
    """Like `download`, and checks the file against the sha256 that the Hub names: in the cache,
    large files are named after it.

    On a file system without links they are not; the file is then used unchecked, with a warning.

    Raises:
        InputError: the file cannot be fetched, or is still damaged after a second try.
    """
    for force in (False, True):
        path = download(repo_id, filename, revision, force=force)
        if not path.is_symlink():
            logger.warning("%s is not checked: this cache cannot hold links", path)
            return path
        # The link leads to the file's ETag, a sha256 unless the file is small and git stores it.
        # That may again be a link, to a file that repositories share under another kind of hash.
        expected = path.readlink().name
        if not re.fullmatch(r"[0-9a-f]{64}", expected) or file_sha256(path) == expected:
            return path
    raise InputError(
        f"{filename} of {repo_id} is not what the Hub says it is after a fresh download (sha256 "
        f"{expected}): the server or a proxy changes it"
    )


def upload(repo_id: str, files: Mapping[str, bytes], message: str) -> str:
    """Commits files, content by name, to a model repository on the Hub, which is created if
    necessary; its other files stay.

    Returns:
        The commit, 40 hexadecimal digits; the latest one if nothing has changed.

    Raises:
        InputError: the repository cannot be written to; the message says why.
    """
    from huggingface_hub import CommitOperationAdd, HfApi  # noqa: PLC0415  slow, seldom needed

    api = HfApi()
    additions = [CommitOperationAdd(name, content) for name, content in files.items()]
    try:
        api.create_repo(repo_id, exist_ok=True)
        return api.create_commit(repo_id, additions, commit_message=message).oid
    # The HTTP library below the client raises exceptions of its own.
    except Exception as error:
        why = reason(fetch.facts(error), repo_id)
        raise InputError(f"{repo_id} cannot be written to: {why}") from error


def _fetched(options: Mapping[str, object], total: int, progress: Progress | None) -> Path | None:
    """Runs `fetch` and reports how far it is. Returns the path that it says, which may be none."""
    from huggingface_hub import constants  # noqa: PLC0415  slow, seldom needed

    job = {
        "endpoint": constants.ENDPOINT,
        "patience": PATIENCE,
        "sys_path": sys.path,
        **options,
    }
    source = f"{job['repo_id']} at revision {job['revision']}"
    done = 0
    if progress and total:
        progress(done, total)
    why = "the download has ended without a word"
    with _started(job, quiet=progress is not None) as process:
        try:
            for message in map(json.loads, process.stdout or ()):
                total = message.get("total") or total
                if "path" in message:
                    if message["path"] is None:
                        return None
                    if progress and total:
                        progress(total, total)
                    return Path(message["path"])
                if "done" not in message:
                    facts = message.get("error")
                    why = reason(facts, source) if facts else message["reason"]
                    break
                # A client that starts over counts from 0 again.
                done = max(done, min(message["done"], total))
                if progress and total:
                    progress(done, total)
        finally:
            _end(process)
    raise InputError(f"{job['filename']} cannot be fetched: {why}")


def _started(job: Mapping[str, object], *, quiet: bool) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            [sys.executable, fetch.__file__, json.dumps(job)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )
    except OSError as error:
        raise InputError(f"{job['filename']} cannot be fetched: {one_line(error)}") from error


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a process, which has half a second to clean up."""
    process.terminate()
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.kill()
