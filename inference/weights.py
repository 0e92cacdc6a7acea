"""Third-party weights: loaded safely, checked completely, cached as safetensors."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.files import replacing

Shapes = Mapping[str, tuple[int, ...]]

_SHOWN: Final = 5
"""Most problems of one file that an error lists."""


class CheckpointError(ValueError):
    """A file of weights is missing, broken or not the one expected; says which and how."""

    def __init__(self, file: Path, problems: list[str]) -> None:
        shown = "; ".join(problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        super().__init__(f"{file}: {shown}{more}")
        self.file = file
        self.problems = problems


def find_file(folder: Path, name: str) -> Path:
    """The file ``name`` at any depth of ``folder``.

    Raises CheckpointError if there is none, or more than one.
    """
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    if not found:
        raise CheckpointError(folder, [f"no file {name} in this folder or below"])
    if len(found) > 1:
        places = " and ".join(str(path.relative_to(folder)) for path in found)
        raise CheckpointError(folder, [f"more than one {name}: {places}"])
    return found[0]


def read_published(path: Path) -> dict[str, Any]:
    """The dictionary in a ``.pth``, ``.pt`` or ``.safetensors`` file; code in it is never run.

    Raises CheckpointError for anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(path, ["there is no such file"]) from None
    except Exception as error:  # a damaged pickle can make its reader raise anything
        raise CheckpointError(path, [_refusal(error)]) from None
    if not isinstance(stored, dict):
        raise CheckpointError(
            path, [f"holds a {type(stored).__name__} instead of a dictionary of tensors"]
        )
    return {str(key): value for key, value in stored.items()}


def _refusal(error: Exception) -> str:
    """Why a file was refused: a pickle that refers to code, or no pickle at all."""
    if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
        return "contains Python objects other than tensors; it is not loaded, as it could run code"
    return "cannot be read: it is truncated or not a file of weights"


def check_tensors(
    file: Path, tensors: Mapping[str, Any], shapes: Shapes, optional: Collection[str] = ()
) -> dict[str, Tensor]:
    """The tensors named in ``shapes``, checked to be present, of that shape and finite.

    Keys in ``optional`` may be absent. Raises CheckpointError with every key that is missing,
    unexpected, of another shape or not finite.
    """
    problems = [f"unexpected key {key}" for key in tensors if key not in shapes]
    checked: dict[str, Tensor] = {}
    for key, shape in shapes.items():
        value = tensors.get(key)
        if value is None:
            if key not in optional:
                problems.append(f"missing key {key}")
        elif not isinstance(value, Tensor):
            problems.append(f"{key} is a {type(value).__name__}, not a tensor")
        elif tuple(value.shape) != tuple(shape):
            problems.append(f"{key} has shape {_shape(value.shape)} instead of {_shape(shape)}")
        elif value.is_floating_point() and not value.isfinite().all():
            problems.append(f"{key} contains values that are not finite")
        else:
            checked[key] = value
    if problems:
        raise CheckpointError(file, problems)
    return checked


def _shape(shape: Collection[int]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"


def write_cache(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` as safetensors; a reader never sees half of it. Raises OSError."""
    with replacing(path) as partial:
        try:
            save_file({key: value.contiguous() for key, value in tensors.items()}, partial)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error


def read_cache(path: Path) -> dict[str, Tensor]:
    """Tensors of a file that :func:`write_cache` wrote. Raises CheckpointError."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(path, ["there is no such file"]) from None
    except SafetensorError:
        raise CheckpointError(path, ["is broken; add the published files again"]) from None
