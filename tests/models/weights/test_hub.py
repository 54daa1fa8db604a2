"""Downloads whose sha256 only the Hub knows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from adain_nodes.host.errors import InputError
from adain_nodes.models.weights import hub as client

from ..hub_server import COMMIT, HubServer

pytestmark = pytest.mark.usefixtures("hub")

NAME = "tiny-encoder.safetensors"

download_checked = partial(client.download_checked, "someone/tiny", NAME, COMMIT)


@pytest.mark.parametrize("times", [1, 2])
def test_a_damaged_download_is_fetched_again_and_refused_if_it_stays(
    hub: HubServer, published: Path, times: int
) -> None:
    hub.corrupt = times
    if times == 1:
        path = download_checked()
        assert path.read_bytes() == (published / NAME).read_bytes()
    else:
        with pytest.raises(InputError, match="not what the Hub says"):
            download_checked()
    assert hub.requests["GET"] == 2


def test_a_file_that_repositories_share_in_the_cache_is_sound(
    hub: HubServer, tmp_path: Path
) -> None:
    """Newer clients link from the ETag's name to a store of their own, by another hash."""
    path = download_checked()
    blob = path.parent / path.readlink()
    shared = tmp_path / ("0" * 64)
    blob.rename(shared)
    blob.symlink_to(shared)
    assert download_checked() == path
    assert hub.requests["GET"] == 1


def test_a_cache_without_links_is_used_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    path = download_checked()
    path.resolve().replace(path)
    assert download_checked() == path
    assert "is not checked" in caplog.text
