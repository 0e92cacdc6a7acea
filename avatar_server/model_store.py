"""Published models that users supply: checked once, then stored converted, one folder a set."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from inference.weights import CheckpointError, find_file
from motion.moda import checkpoint as moda
from motion.moda import hubert_checkpoint as hubert
from renderer.library import user_folder
from renderer.liveportrait import checkpoint as liveportrait
from renderer.liveportrait.landmarks import DETECTOR_FILE, LANDMARK_FILE, FaceLandmarks

DESCRIPTION: Final = "set.json"
FORMAT: Final = 1
"""Version of a set's files; sets of another version are converted again."""

_SUFFIXES: Final = (".pth", ".pt", ".bin", ".safetensors", ".onnx", ".json")
"""Suffixes of published files; other files are ignored."""


_NEEDED: Final = (
    moda.NETWORK_FILE,
    *(f"{name}.pth" for name in liveportrait.published_shapes()),
    DETECTOR_FILE,
    LANDMARK_FILE,
)


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Published models in our own form, in a folder of their own."""

    folder: Path
    source: str
    """The folder of published files that it was made of."""
    added: str
    """When, in ISO 8601."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def hubert(self) -> Path:
        return self.folder / "hubert"

    @property
    def portraits(self) -> Path:
        """Where prepared portraits are kept."""
        return self.folder / "portraits"

    @property
    def engines(self) -> Path:
        """Where engines are kept that took long to build."""
        return self.folder / "engines"

    def size(self) -> int:
        """Bytes on disk, with all that was prepared later."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


class ModelStore:
    """The sets in ``folder``, by default in the platform's folder for a user's data."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = user_folder().with_name("models") if folder is None else folder

    def sets(self) -> list[ModelSet]:
        """All usable sets, sorted by name."""
        found = (_read(path.parent) for path in sorted(self.folder.glob(f"*/{DESCRIPTION}")))
        return [each for each in found if each is not None]

    def find(self, folder: Path) -> ModelSet | None:
        """The set stored in ``folder``, or the one made of the published files now in it."""
        return _read(folder) or _read(self.folder / _fingerprint(folder))

    def add(self, folder: Path, on_step: Callable[[str], None]) -> ModelSet:
        """Check the published files anywhere below ``folder`` and keep what they hold.

        ``on_step`` is told what comes next, in words for people. Raises
        :class:`~inference.weights.CheckpointError`, which names what is wrong, and OSError; nothing
        is kept then.
        """
        if not folder.is_dir():
            raise CheckpointError(folder, ["there is no such folder"])
        absent = [name for name in _NEEDED if not any(folder.rglob(name))]
        if absent:
            problem = f"{', '.join(absent)} not found in this folder or below"
            raise CheckpointError(folder, [problem])
        self.folder.mkdir(parents=True, exist_ok=True)
        name = _fingerprint(folder)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as scratch:
            made = Path(scratch) / name
            (made / "hubert").mkdir(parents=True)
            on_step("Checking face detection")
            FaceLandmarks(folder)
            for file in (DETECTOR_FILE, LANDMARK_FILE):
                shutil.copyfile(find_file(folder, file), made / file)
            on_step("Checking HuBERT")
            hubert.add(folder, made / "hubert", moda.CONFIG)
            on_step("Checking LivePortrait")
            liveportrait.add(folder, made)
            on_step("Checking MoDA")
            moda.add(folder, made)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            source = str(folder.resolve())
            about = {"format": FORMAT, "source": source, "added": now}
            (made / DESCRIPTION).write_text(json.dumps(about))
            place = self.folder / name
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)
        return ModelSet(place, source, now)

    def remove(self, name: str) -> None:
        """Delete a set; raises LookupError, which lists the known ones."""
        if name not in (known := [each.name for each in self.sets()]):
            there = f"there are: {', '.join(known)}" if known else "there is none"
            raise LookupError(f"there is no set of models {name!r}; {there}")
        shutil.rmtree(self.folder / name)


def _read(folder: Path) -> ModelSet | None:
    try:
        about = json.loads((folder / DESCRIPTION).read_text())
        if about["format"] != FORMAT:
            return None
        return ModelSet(folder, about["source"], about["added"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(folder: Path) -> str:
    """A name that changes with the files in ``folder``; their contents are not read."""
    digest = hashlib.sha256(str(FORMAT).encode())
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES):
        status = path.stat()
        entry = f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n"
        digest.update(entry.encode())
    return digest.hexdigest()[:12]
