"""What the ComfyUI registry reads, once the publish workflow has completed it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
HERE = "somebody/somewhere"

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 and later have it")


def completed(folder: Path, publisher: str) -> subprocess.CompletedProcess[str]:
    """Runs the step of the publish workflow that completes a copy of pyproject.toml."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    path = folder / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('PublisherId = ""', f'PublisherId = "{publisher}"'), "utf-8")
    workflow = (WORKFLOWS / "publish.yml").read_text(encoding="utf-8")
    (script,) = re.findall(r"run: \|\n((?: {10}.*\n)+)", workflow)
    environment = {**os.environ, "GITHUB_REPOSITORY": HERE}
    return subprocess.run(
        ["bash", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def published(tmp_path: Path) -> dict[str, Any]:
    if sys.platform != "linux":
        pytest.skip("the workflow runs on Linux")
    assert completed(tmp_path, "someone").returncode == 0
    data: dict[str, Any] = tomllib.loads((tmp_path / "pyproject.toml").read_text("utf-8"))
    return data


def test_all_that_the_registry_asks_for_is_there(published: dict[str, Any]) -> None:
    project, comfy = published["project"], published["tool"]["comfy"]
    assert project["name"] == "adain-nodes"  # without "comfyui", which the registry wants so
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert (ROOT / project["license"]["file"]).is_file()
    assert project["urls"]["Repository"] == f"https://github.com/{HERE}"
    assert comfy.keys() == {"PublisherId", "DisplayName", "requires-comfyui", "Icon", "Banner"}
    assert all(comfy.values())
    assert "$" not in str(published["project"]["urls"]) + str(comfy)


def test_pictures_are_where_the_addresses_point_and_of_the_right_size(
    published: dict[str, Any],
) -> None:
    sizes = {}
    for kind in ("Icon", "Banner"):
        _, path = published["tool"]["comfy"][kind].split("/main/")
        with Image.open(ROOT / path) as picture:
            sizes[kind] = picture.size
    width, height = sizes["Icon"]
    assert width == height <= 400
    width, height = sizes["Banner"]
    assert width * 9 == height * 21


@pytest.mark.skipif(sys.platform != "linux", reason="the workflow runs on Linux")
def test_nothing_is_published_without_a_publisher(tmp_path: Path) -> None:
    result = completed(tmp_path, "")
    assert result.returncode == 1
    assert "PublisherId is empty" in result.stdout


def test_the_archive_keeps_what_comfyui_loads() -> None:
    ignored = (ROOT / ".comfyignore").read_text(encoding="utf-8").split()
    for kept in ("__init__.py", "adain_nodes/", "examples/images/", "example_workflows/",
                 "locales/", "weights_manifest.json", "requirements.txt"):  # fmt: skip
        assert not any(kept.startswith(pattern) for pattern in ignored), kept
    for pattern in ignored:
        assert pattern == "runs/" or (ROOT / pattern).exists(), pattern


def test_the_versions_that_are_tested_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = dict(
        line.split("==") for line in (ROOT / ".github" / "oldest.txt").read_text().split()
        if "==" in line
    )  # fmt: skip
    allowed = dict(line.split(">=") for line in project["dependencies"] if ">=" in line)
    assert allowed
    for name, version in allowed.items():
        assert oldest[name].startswith(version), name
    matrix = (WORKFLOWS / "test.yml").read_text(encoding="utf-8")
    (tested,) = re.findall(r"python: \[(.*)\]", matrix)
    classified = [
        line.rpartition(" ")[2] for line in project["classifiers"] if ":: Python :: 3." in line
    ]
    assert re.findall(r'"([\d.]+)"', tested) == classified


def test_the_changelog_names_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"\n## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
