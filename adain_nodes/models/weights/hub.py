"""Files from and to the Hugging Face Hub, by its own client; errors in one line.

The client's own settings hold: HF_ENDPOINT names a mirror, HF_HUB_CACHE the cache, HF_HUB_OFFLINE=1
keeps off the network.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...host.errors import InputError, one_line
from ...host.plain import Progress
from .tensors import file_sha256

logger = logging.getLogger(__name__)


def cached(repo_id: str, filename: str, revision: str) -> Path | None:
    """A file's path in the Hub's cache, if it is there; asks nobody."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  slow, seldom needed

    path = try_to_load_from_cache(repo_id, filename, revision=revision)
    return Path(path) if isinstance(path, str) else None


def download(
    repo_id: str,
    filename: str,
    revision: str,
    *,
    size: int | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Path:
    """Fetches a file into the Hub's cache unless it is there; its content is not checked.

    Args:
        repo_id: repository, namespace/name.
        filename: name in that repository.
        revision: commit, 40 hexadecimal digits.
        size: size of the file in bytes, without which there is no progress.
        progress: called with bytes done and bytes in total as they arrive, and cancels by raising;
            with clients too old to report, called before and after only. If absent, the client
            shows its own bar on a terminal.
        force: whether to fetch the file even if it is there.

    Raises:
        InputError: the file cannot be fetched; the message says why.
    """
    from huggingface_hub import errors, hf_hub_download  # noqa: PLC0415  slow, seldom needed

    source = f"{repo_id} at revision {revision}"
    megabytes = f" ({size / 1e6:.1f} MB)" if size else ""
    logger.info("fetching %s%s from %s", filename, megabytes, source)
    report = _Report(size, progress) if progress and size else None
    options: dict[str, Any] = {}
    if report and "tqdm_class" in inspect.signature(hf_hub_download).parameters:
        options["tqdm_class"] = report.bar_class()
    try:
        if report:
            report(0)
        path = hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            force_download=force,
            **options,
        )
        if report:
            report.finish()
        return Path(path)
    except Exception as error:
        if report and report.raised:
            raise report.raised from None
        # Subclasses first: gated is a kind of not found, and locally missing one of missing.
        if isinstance(error, errors.GatedRepoError):
            reason = f"{source} asks for its terms to be accepted and a login (hf auth login)"
        elif isinstance(error, errors.RepositoryNotFoundError):
            reason = f"there is no {repo_id}, or it is private"
        elif isinstance(error, errors.RevisionNotFoundError):
            reason = f"{repo_id} has no revision {revision}"
        elif isinstance(error, errors.LocalEntryNotFoundError):
            reason = f"the Hub cannot be reached: offline, or a wrong address ({one_line(error)})"
        elif isinstance(error, errors.EntryNotFoundError):
            reason = f"{source} has no such file"
        elif isinstance(error, OSError | RuntimeError | ValueError):
            reason = f"{one_line(error)}"
        else:
            raise
        raise InputError(f"{filename} cannot be fetched: {reason}") from error


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
        status = getattr(getattr(error, "response", None), "status_code", None)
        needs_login = "a login that may write there is needed (hf auth login)"
        reason = needs_login if status in (401, 403) else one_line(error)
        raise InputError(f"{repo_id} cannot be written to: {reason}") from error


class _Report:
    """Turns the progress bars of the Hub's client into calls of one `Progress`."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total = total
        self.progress = progress
        self.done = 0
        self.raised: BaseException | None = None

    def __call__(self, done: int) -> None:
        # Some transfers have two bars, and a retry starts one over: the furthest counts.
        self.done = max(self.done, min(done, self.total))
        try:
            self.progress(self.done, self.total)
        except BaseException as error:
            self.raised = error
            raise

    def finish(self) -> None:
        """Raises what the client has swallowed; reports the end if that is still missing."""
        if self.raised:
            raise self.raised
        if self.done < self.total:
            self(self.total)

    def bar_class(self) -> type:
        """A class for the client's bars that shows nothing and reports here."""
        from huggingface_hub.utils.tqdm import tqdm  # noqa: PLC0415  slow, seldom needed

        report = self

        class Bar(tqdm):
            def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
                super().__init__(disable=True)  # type: ignore[no-untyped-call, unused-ignore]
                self.bytes_done = initial

            def update(self, n: float | None = 1) -> None:
                self.bytes_done += int(n or 0)
                report(self.bytes_done)

        return Bar
