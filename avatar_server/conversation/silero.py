"""Silero VAD v6, the voice-activity detector that faster-whisper ships."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from avatar_server.conversation.vad import VAD_FRAME
from motion.layout import FloatArray

_CONTEXT: Final = 64
"""Samples of the frame before that the network sees in front of each frame."""

_ASSET: Final = Path("assets", "silero_vad_v6.onnx")


@dataclass(frozen=True, slots=True, eq=False)
class SileroState:
    context: FloatArray
    """[64]: the last samples seen."""
    hidden: FloatArray
    """[1, 1, 128]: the LSTM's hidden state."""
    cell: FloatArray
    """[1, 1, 128]: the LSTM's cell state."""


class SileroVad:
    """About 60 microseconds per frame on one thread; one object serves any number of sessions."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # A frame is too small to share between threads, and sessions run side by side anyway.
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(
            str(_model_file()), options, providers=["CPUExecutionProvider"]
        )

    def init_state(self) -> SileroState:
        memory = np.zeros((1, 1, 128), np.float32)
        return SileroState(np.zeros(_CONTEXT, np.float32), memory, memory)

    def step(self, state: SileroState, speech: FloatArray) -> tuple[FloatArray, SileroState]:
        if speech.ndim != 1 or len(speech) % VAD_FRAME:
            raise ValueError(
                f"the detector takes whole frames of {VAD_FRAME} samples, not {speech.shape}"
            )
        if not len(speech):
            return np.empty(0, np.float32), state
        frames = speech.reshape(-1, VAD_FRAME)
        tails = np.vstack([state.context, frames[:-1, -_CONTEXT:]])
        inputs = {
            "input": np.hstack([tails, frames]).astype(np.float32, copy=False),
            "h": state.hidden,
            "c": state.cell,
        }
        probabilities, hidden, cell = self._network.run(None, inputs)
        return probabilities, SileroState(frames[-1, -_CONTEXT:].copy(), hidden, cell)


def _model_file() -> Path:
    # Located without importing the package, which would load its speech recogniser.
    package = importlib.util.find_spec("faster_whisper")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("faster-whisper, which carries the Silero VAD, is not installed")
    return Path(package.submodule_search_locations[0]) / _ASSET
