"""What a running ComfyUI gives: its devices and memory, its model folders, its progress bar.

The only module that imports ComfyUI, and it never starts it: see `surroundings.current`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy import model_management, model_patcher, utils
from PIL import Image
from torch import Tensor

from .errors import InputError, one_line
from .plain import MODEL_FOLDER, STYLE_FOLDER, Host, N, Progress, Resident

PREVIEW_SIDE = 512
"""Px that the longer side of a preview is scaled down to."""


class _ComfyResident(Resident[N]):
    """A network that ComfyUI moves to its device for each use, and may evict after it."""

    def __init__(self, network: N, device: torch.device) -> None:
        self.device = device
        # ComfyUI itself holds no strong reference to the patcher: this one keeps it alive.
        self._patcher = model_patcher.ModelPatcher(
            network, load_device=device, offload_device=model_management.unet_offload_device()
        )

    def load(self) -> N:
        model_management.load_models_gpu([self._patcher])
        network: N = self._patcher.model
        # With --novram ComfyUI leaves weights where they are and expects layers to fetch their own;
        # our networks of 12 MB are no burden.
        return network.to(self.device)


class ComfyHost(Host):
    """A running ComfyUI."""

    def __init__(self) -> None:
        self._bar: Any = None
        for name in (MODEL_FOLDER, STYLE_FOLDER):
            folder = Path(folder_paths.models_dir) / name
            with suppress(OSError):  # Nobody needs to put files there: a read-only disk will do.
                folder.mkdir(parents=True, exist_ok=True)
            folder_paths.add_model_folder_path(name, str(folder))

    def device(self) -> torch.device:
        device: torch.device = model_management.get_torch_device()
        return device

    def output_device(self) -> torch.device:
        device: torch.device = model_management.intermediate_device()
        return device

    def free_memory(self, device: torch.device) -> int | None:
        free: int = model_management.get_free_memory(device)
        return free

    def favors_fp16(self, device: torch.device) -> bool:
        favors: bool = model_management.should_use_fp16(device)
        return favors

    def model_folders(self) -> list[Path]:
        return [Path(folder) for folder in folder_paths.get_folder_paths(MODEL_FOLDER)]

    def style_folders(self) -> list[Path]:
        own = Path(folder_paths.models_dir) / STYLE_FOLDER
        others = (Path(folder) for folder in folder_paths.get_folder_paths(STYLE_FOLDER))
        return [own, *(folder for folder in others if folder != own)]

    def file_name(self, prefix: str) -> str:
        """With ComfyUI's variables, such as %year%, as its own nodes take them."""
        if "%" not in prefix:
            return prefix
        with tempfile.TemporaryDirectory() as scratch:  # it makes the folder of the name at once
            try:
                *_, filled = folder_paths.get_save_image_path(prefix, scratch)
            except Exception as error:  # which is all that it raises for a name that leads out
                raise InputError(f"the name {prefix!r} leads out of its folder") from error
        return str(filled)

    def temporary_folder(self) -> Path:
        """ComfyUI empties it when it starts and when it ends."""
        return Path(folder_paths.get_temp_directory())

    def video(self, path: Path) -> Any:
        # ComfyUIs without the module have no videos at all.
        from comfy_api.input_impl import VideoFromFile  # noqa: PLC0415

        return VideoFromFile(str(path))

    def resident(self, network: N, device: torch.device) -> Resident[N]:
        return _ComfyResident(network, device)

    def progress(self) -> Progress | None:
        """Draws on the running node. Each report is also where a user's cancel takes effect."""
        self._bar = bar = utils.ProgressBar(1)

        def report(done: int, total: int) -> None:
            bar.update_absolute(done, total)

        return report

    def serve(self, kind: str, picture: Callable[[str], bytes]) -> None:
        """At /adain/KIND?name=NAME, from the next start of the server on: packs are imported before
        it starts."""
        from aiohttp import web  # noqa: PLC0415  here, as only a server needs it
        from server import PromptServer  # noqa: PLC0415

        async def answer(request: web.Request) -> web.Response:
            try:
                file = picture(request.query.get("name", ""))
            except InputError as error:
                return web.Response(status=404, text=one_line(error))
            form = "png" if file.startswith(b"\x89PNG") else "jpeg"
            fresh = {"Cache-Control": "no-cache"}  # a style may be saved again under its name
            return web.Response(body=file, content_type=f"image/{form}", headers=fresh)

        if hasattr(PromptServer, "instance"):  # tools that only list nodes start no server
            PromptServer.instance.routes.get(f"/adain/{kind}")(answer)

    def note(self, text: str) -> None:
        """Under the node that is at work, by a ComfyUI that tells which that is."""
        with suppress(ImportError):
            from comfy_execution.utils import get_executing_context  # noqa: PLC0415
            from server import PromptServer  # noqa: PLC0415

            if (node := get_executing_context()) is not None:
                PromptServer.instance.send_progress_text(text, node.node_id)

    def show(self, picture: Tensor) -> None:
        if self._bar is None:
            return
        pixels = picture.mul(255).round().to("cpu", torch.uint8).numpy()
        # ComfyUI would enlarge smaller ones.
        preview = ("JPEG", Image.fromarray(pixels), min(PREVIEW_SIDE, max(picture.shape)))
        self._bar.update_absolute(self._bar.current, self._bar.total, preview)
