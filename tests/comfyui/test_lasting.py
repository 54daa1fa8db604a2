"""ComfyUI at work for long: models that it gives up, many prompts, a new start."""

from __future__ import annotations

import sys

import pytest

from .server import Prompt, Server
from .test_execution import small_graph
from .test_style_files import loading, saving

PROMPTS, SETTLED = 200, 50
GROWTH = 30 << 20
"""Bytes that ComfyUI may grow by, from when it has settled."""


def small(alpha: float) -> Prompt:
    """Of the included model."""
    prompt = small_graph("content-cat.jpg")
    prompt["model"]["inputs"]["model_name"] = "adain-vgg16"
    prompt["stylize"]["inputs"]["alpha"] = alpha
    return prompt


def test_a_model_that_was_given_up_serves_again(comfyui: Server) -> None:
    first = comfyui.run(small(0.31))
    comfyui.post("/free", {"unload_models": True})
    again = comfyui.run(small(0.32))
    comfyui.post("/free", {"unload_models": True, "free_memory": True})
    last = comfyui.run(small(0.31))
    for run in (first, again, last):
        assert run.end["type"] == "execution_success", run.end
    shown = [comfyui.view(run.images("show")[0]) for run in (first, last)]
    assert shown[0] == shown[1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory it holds")
def test_many_prompts_need_no_more_memory(comfyui: Server) -> None:
    settled = 0
    for number in range(PROMPTS):
        run = comfyui.run(small(0.5 + number / (2 * PROMPTS)))
        assert run.end["type"] == "execution_success", run.end
        if number == SETTLED:
            settled = comfyui.memory()
    assert comfyui.memory() - settled < GROWTH


def test_styles_and_models_are_there_after_a_new_start(comfyui: Server) -> None:
    saved = comfyui.run(saving("tests/kept"))
    assert saved.end["type"] == "execution_success", saved.end
    (name,) = saved.history["outputs"]["save"]["text"]
    shown = []
    for new_start in (False, True):
        if new_start:
            comfyui.restart()
        run = comfyui.run(loading(name))
        assert run.end["type"] == "execution_success", run.end
        shown.append(comfyui.view(run.images("show")[0]))
    assert shown[0] == shown[1]
