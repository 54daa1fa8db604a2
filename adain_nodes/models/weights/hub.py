"""Files from and to the Hugging Face Hub by its own client, and in one line what went wrong."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...host.errors import InputError, one_line
from .manifest import file_sha256

Progress = Callable[[int, int], None]
"""Takes bytes done and bytes in total; whatever it raises cancels the download."""

logger = logging.getLogger(__name__)


def download(
    repo_id: str,
    filename: str,
    revision: str,
    *,
    size: int | None = None,
    progress: Progress | None = None,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
    force: bool = False,
) -> Path:
    """Fetches a file into the Hub's cache unless it is there; its content is not checked.

    Args:
        repo_id: repository, namespace/name.
        filename: in that repository.
        revision: commit, 40 hexadecimal digits.
        size: of the file in bytes; needed for progress.
        progress: called while bytes arrive; absent, the Hub's client shows its own bar on a
            terminal. Clients too old to report call it before and after only.
        endpoint: the Hub's address; that of its client's settings if absent.
        cache_dir: the Hub's cache; that of its client's settings if absent.
        force: whether to fetch it even if it is there.

    Raises:
        InputError: it cannot be had; says why.
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
            cache_dir=cache_dir,
            endpoint=endpoint,
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


def download_checked(
    repo_id: str,
    filename: str,
    revision: str,
    *,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """`download` of a file whose sha256 only the Hub knows: its client names large files after it.

    Where the file system has no links, the client gives them their own names; such a file is used
    unchecked, with a warning.

    Raises:
        InputError: it cannot be had, or is still damaged after a second try.
    """
    for force in (False, True):
        path = download(
            repo_id, filename, revision, endpoint=endpoint, cache_dir=cache_dir, force=force
        )
        if not path.is_symlink():
            logger.warning("%s is not checked: this cache cannot hold links", path)
            return path
        # A link to where the cache keeps it under its ETag; small files, which git stores, have no
        # sha256. That may be a link, too, to a file that several repositories share and whose name
        # is a hash of another kind.
        expected = path.readlink().name
        if not re.fullmatch(r"[0-9a-f]{64}", expected) or file_sha256(path) == expected:
            return path
    raise InputError(
        f"{filename} of {repo_id} is not what the Hub says it is after a fresh download (sha256 "
        f"{expected}): the server or a proxy changes it"
    )


def upload(
    repo_id: str, files: Mapping[str, bytes], message: str, *, endpoint: str | None = None
) -> str:
    """Commits files to a model repository on the Hub, which is made if it is not there.

    Args:
        repo_id: repository, namespace/name.
        files: content by name; others in the repository stay.
        message: of the commit.
        endpoint: the Hub's address; that of its client's settings if absent.

    Returns:
        The commit, 40 hexadecimal digits; the latest one if nothing was to change.

    Raises:
        InputError: it cannot be done; says why.
    """
    from huggingface_hub import CommitOperationAdd, HfApi  # noqa: PLC0415  slow, seldom needed

    api = HfApi(endpoint=endpoint)
    additions = [CommitOperationAdd(name, content) for name, content in files.items()]
    try:
        api.create_repo(repo_id, exist_ok=True)
        return api.create_commit(repo_id, additions, commit_message=message).oid
    # What carries the client's requests raises exceptions of its own.
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        needs_login = "a login that may write there is needed (hf auth login)"
        reason = needs_login if status in (401, 403) else one_line(error)
        raise InputError(f"{repo_id} cannot be written to: {reason}") from error


class _Report:
    """Hands the bars of the Hub's client on to one `Progress`."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total = total
        self.progress = progress
        self.done = 0
        self.raised: BaseException | None = None

    def __call__(self, done: int) -> None:
        # Some transfers have two bars, and a retry starts one again: the furthest counts.
        self.done = max(self.done, min(done, self.total))
        try:
            self.progress(self.done, self.total)
        except BaseException as error:
            self.raised = error
            raise

    def finish(self) -> None:
        """Raises what a client has swallowed; reports the end if none has been."""
        if self.raised:
            raise self.raised
        if self.done < self.total:
            self(self.total)

    def bar_class(self) -> type:
        """The class that the client makes its bars of: silent, but for this report."""
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
