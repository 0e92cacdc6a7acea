"""The files of a HuBERT encoder: checked once, then kept in our own form."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from inference.weights import CheckpointError, check_tensors, read_published, write_cache
from motion.moda.config import MoDAConfig
from motion.moda.hubert import HubertFeatures

CONFIG_FILE: Final = "config.json"
PREPROCESSOR_FILE: Final = "preprocessor_config.json"
WEIGHT_FILES: Final = ("model.safetensors", "pytorch_model.bin")

_RENAMED: Final = (
    ("conv.weight_g", "conv.parametrizations.weight.original0"),
    ("conv.weight_v", "conv.parametrizations.weight.original1"),
)
"""What older releases of torch called the two parts of a weight norm."""

_FOR_TRAINING: Final = "masked_spec_embed"
"""A parameter that some files lack; it stands for sound that training hides."""


def add(folder: Path, cache: Path, config: MoDAConfig) -> None:
    """Check the encoder anywhere below ``folder`` and keep it in ``cache``.

    Raises CheckpointError and writes nothing if it is missing, wrong or not what a MoDA of
    ``config`` takes.
    """
    found = find_encoder(folder)
    model = _model(found)
    sizes = (model.config.num_hidden_layers, model.config.hidden_size)
    if sizes != (config.audio_layers, config.audio_features):
        problem = (
            f"has {sizes[0]} layers of {sizes[1]} features, but MoDA takes {config.audio_layers} "
            f"of {config.audio_features} (chinese-hubert-base)"
        )
        raise CheckpointError(found / CONFIG_FILE, [problem])
    state = _read_state(found, model.state_dict())
    _normalises(found)
    write_cache(cache / WEIGHT_FILES[0], state)
    for name in (CONFIG_FILE, PREPROCESSOR_FILE):
        if (found / name).is_file():
            shutil.copyfile(found / name, cache / name)


def load(folder: Path, device: str = "cpu") -> HubertFeatures:
    """The encoder in ``folder`` (config.json and weights). Raises CheckpointError."""
    model = _model(folder)
    state = _read_state(folder, model.state_dict())
    normalise = _normalises(folder)
    try:
        features = HubertFeatures(model, normalise=normalise)
    except ValueError as error:
        raise CheckpointError(folder, [str(error)]) from None
    model.load_state_dict(state)
    return features.to(device).requires_grad_(False).eval()


def find_encoder(folder: Path) -> Path:
    """The folder of a HuBERT model at any depth of ``folder``. Raises CheckpointError."""
    configs = sorted(folder.rglob(CONFIG_FILE))
    found = [config.parent for config in configs if _is_hubert(config)]
    if not found:
        problem = f"no folder with the {CONFIG_FILE} of a HuBERT model (chinese-hubert-base)"
        raise CheckpointError(folder, [problem])
    if len(found) > 1:
        places = " and ".join(str(path.relative_to(folder)) for path in found)
        raise CheckpointError(folder, [f"more than one HuBERT model: {places}"])
    return found[0]


def _is_hubert(config: Path) -> bool:
    try:
        stored = json.loads(config.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(stored, dict) and stored.get("model_type") == "hubert"


def _normalises(folder: Path) -> bool:
    """Whether the encoder wants sound of unit variance."""
    path = folder / PREPROCESSOR_FILE
    if not path.is_file():
        return True
    try:
        return bool(json.loads(path.read_text()).get("do_normalize", True))
    except (ValueError, AttributeError):
        raise CheckpointError(path, ["is no JSON object of settings"]) from None


def _model(folder: Path) -> Any:
    """An untrained model of the sizes in ``folder``."""
    from transformers import HubertConfig, HubertModel

    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointError(folder, [f"holds no {CONFIG_FILE} of a HuBERT model"])
    try:
        return HubertModel(HubertConfig.from_pretrained(folder, local_files_only=True))
    except Exception as error:  # transformers has errors of its own for each wrong setting
        raise CheckpointError(path, [" ".join(str(error).split())]) from None


def _read_state(folder: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in ``folder`` under the names of ``wanted``, all of them there. In float32."""
    path = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(folder, [f"holds no weights ({' or '.join(WEIGHT_FILES)})"])
    stored = {}
    for key, value in read_published(path).items():
        for old, new in _RENAMED:
            key = key.replace(old, new)
        stored[key.removeprefix("hubert.")] = value
    shapes = {key: tuple(value.shape) for key, value in wanted.items()}
    checked = check_tensors(path, stored, shapes, optional=(_FOR_TRAINING,))
    return {key: checked.get(key, value).float() for key, value in wanted.items()}
