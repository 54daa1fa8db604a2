"""What the Hugging Face Hub, and what is on the way to it, may have against a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def reason(facts: Mapping[str, Any], source: str) -> str:
    """Why the Hub did not do what it was asked to, in one line, with the HTTP status if there is
    one.

    Args:
        facts: see `fetch.facts`.
        source: what was asked for, such as `repository at revision ...`.
    """
    kinds, status = facts["kinds"], facts["status"]
    if "OfflineModeIsEnabled" in kinds:
        return "the Hub's client is offline (HF_HUB_OFFLINE is set)"
    if facts["disk"]:
        return f"it cannot be written: {facts['disk']}"
    if "FileMetadataError" in kinds:
        return (
            "what answers is not the Hugging Face Hub: a login page of this network, a proxy, or a "
            "wrong HF_ENDPOINT"
        )
    if status is None:
        return f"the connection failed: {facts['text']}"
    return f"HTTP {status}: {_refusal(kinds, status, source)}"


def _refusal(kinds: list[str], status: int, source: str) -> str:
    if "GatedRepoError" in kinds:  # which is a RepositoryNotFoundError, too
        return f"{source} asks for its terms to be accepted and a login (hf auth login)"
    if "RevisionNotFoundError" in kinds:
        return f"there is no {source}: no such revision"
    if status == 401 or "RepositoryNotFoundError" in kinds:
        return f"there is no {source}, or it is private and needs a login (hf auth login)"
    if status >= 500:
        return "the server has failed; try again later"
    return {
        403: f"{source} needs a login with more rights (hf auth login)",
        404: f"{source} has no such file",
        429: "too many requests; try again later, or log in (hf auth login)",
    }.get(status, "the server refuses")
