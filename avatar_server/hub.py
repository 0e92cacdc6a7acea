"""The published files on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from motion.moda.checkpoint import NETWORK_FILE
from renderer.liveportrait.checkpoint import published_shapes
from renderer.liveportrait.landmarks import DETECTOR_FILE, LANDMARK_FILE

SOURCE: Final = "lixinyizju/moda"
"""All networks, with those of LivePortrait, insightface and HuBERT that belong to them."""

_HUBERT: Final = ("config.json", "preprocessor_config.json", "pytorch_model.bin")


class DownloadError(RuntimeError):
    """The files cannot be downloaded; the message says why."""


def wanted() -> list[str]:
    """Patterns of the files that are used; the repository holds more."""
    names = [NETWORK_FILE, DETECTOR_FILE, LANDMARK_FILE]
    names += [f"{name}.pth" for name in published_shapes()]
    return [f"*{name}" for name in names] + [f"*chinese-hubert-base/{name}" for name in _HUBERT]


def download(folder: Path, on_step: Callable[[str], None]) -> None:
    """Put the files into ``folder``; what is there already is kept. Raises DownloadError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    on_step(f"Downloading {SOURCE} to {folder}")
    try:
        snapshot_download(SOURCE, local_dir=folder, allow_patterns=wanted())
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DownloadError(
            f"the hub cannot be reached for {SOURCE} ({reason}); download the files on another "
            "machine (https://huggingface.co/lixinyizju/moda) and add their folder"
        ) from error
