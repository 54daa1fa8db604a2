"""What a plain process gives: a device, free memory, model folders; no progress, no cancel."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from .memory import free_memory

Progress = Callable[[int, int], None]
"""Called as progress(done, total); raises to cancel."""

MODEL_FOLDER = "adain"
"""Name of our folder among the host's model folders."""

STYLE_FOLDER = "adain_styles"
"""Name of the folder, beside it, that styles are kept in."""

N = TypeVar("N", bound=nn.Module)


class Resident(Generic[N]):
    """A network where a plain process keeps it: on its device, for good.

    Args:
        network: moved to the device.
        device: where it computes.
    """

    def __init__(self, network: N, device: torch.device) -> None:
        self.device = device
        self._network = network.to(device)

    def load(self) -> N:
        """The network, on its device and ready to compute."""
        return self._network


class Host:
    """A plain process."""

    def device(self) -> torch.device:
        """Where networks compute: a GPU where there is one."""
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")

    def output_device(self) -> torch.device:
        """Where results are kept."""
        return torch.device("cpu")

    def free_memory(self, device: torch.device) -> int | None:
        """Bytes that can still be allocated on a device; None if nobody knows."""
        return free_memory(device)

    def favors_fp16(self, device: torch.device) -> bool:
        """Whether a device computes fast and right in fp16."""
        if device.type == "cuda":
            # Before Volta fp16 is slow, and convolutions of the GTX 16 series give NaN.
            name = torch.cuda.get_device_name(device)
            return torch.cuda.get_device_capability(device) >= (7, 0) and "GTX 16" not in name
        return device.type == "mps"

    def model_folders(self) -> list[Path]:
        """Where users put weights, in the order to search them."""
        return []

    def style_folders(self) -> list[Path]:
        """Where styles are kept, in the order to search them; new ones go into the first."""
        return []

    def file_name(self, prefix: str) -> str:
        """What a name for new files means, once the host's variables are filled in; here none."""
        return prefix

    def temporary_folder(self) -> Path:
        """Where files go that are not to stay; it may be missing."""
        return Path(tempfile.gettempdir())

    def video(self, path: Path) -> Any:
        """A video file as the host hands it on."""
        return path

    def resident(self, network: N, device: torch.device) -> Resident[N]:
        """Takes a network into care; it must be loaded anew for each use."""
        return Resident(network, device)

    def progress(self) -> Progress | None:
        """Shows the progress of one piece of work; None if nobody looks."""
        return None

    def serve(self, kind: str, picture: Callable[[str], bytes]) -> None:
        """Lets the host's page fetch pictures; here there is no page.

        Args:
            kind: of picture, for its address.
            picture: gives the JPEG or PNG file for a name; raises InputError if there is none.
        """

    def note(self, text: str) -> None:
        """Shows how far the work is, in words; here to nobody."""

    def show(self, picture: Tensor) -> None:
        """Shows a picture that is still in the making, [H,W,3] in 0..1; here to nobody."""
