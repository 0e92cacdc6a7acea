"""The published model family: MoDA and LivePortrait, from files that the user brings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch

from avatar_server.model_store import ModelSet
from avatar_server.models import Models
from avatar_server.photos import PhotoGallery, PhotoStudio
from inference.batches import BATCHES
from inference.engine import EngineKind, build_engine
from motion.contract import SAMPLES_PER_FRAME
from motion.layout import KEYPOINTS
from motion.moda import checkpoint as moda
from motion.moda import hubert_checkpoint as hubert
from motion.moda.clip import ReleasedClip
from motion.moda.hubert import WINDOW as HUBERT_WINDOW
from motion.moda.hubert import StreamingHubert
from motion.moda.lips import SILENCE_FRAMES
from motion.moda.network import VelocityStep, step_inputs
from motion.moda.sliding import SlidingGenerator
from motion.moda.windows import WINDOW
from renderer.library import Library
from renderer.liveportrait import checkpoint as liveportrait
from renderer.liveportrait.decoder import LivePortraitRenderer, WarpAndGenerate, decoder_inputs
from renderer.liveportrait.landmarks import FaceLandmarks
from renderer.liveportrait.stitching import Stitching
from streaming.playout import Pacing

log = logging.getLogger(__name__)

HOP: Final = 8
"""Frames of motion generated at a time: fewer cost more (each hop samples a window of 80), more
delay the reaction to new speech."""

PACING: Final = Pacing(lead=6, chunk=HOP, reaction=0.2)
"""240 ms for a hop of motion and its first picture, also when several sessions' hops coincide;
speech that replaces silence shows after 200 ms."""

_PASSES: Final = (2, 4, 8, 16)
"""Windows in a batch: two passes of each session's."""
_HEARD: Final = (4, 8, 32)
"""Windows of sound in a batch: a hop, its look-ahead, those of several sessions."""


def published_models(
    models: ModelSet,
    photos: Mapping[str, Path],
    library: Library,
    *,
    device: str | None = None,
    engine: EngineKind | None = None,
    lip_modulation: bool = False,
) -> Models:
    """The models of a set and the avatars that ``photos`` and ``library`` hold the pictures of.

    ``device`` is a GPU if there is one, ``engine`` the best that it can run; for
    ``lip_modulation`` see :mod:`motion.moda.lips`.
    Raises :class:`~inference.weights.CheckpointError` and
    :class:`~inference.engine.EngineUnavailableError`.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    gpu = device.startswith("cuda")
    if gpu:
        _use_tensor_cores()
    else:
        log.warning("the published models need a GPU for real time; the CPU takes seconds a frame")
    build = partial(build_engine, device=device, wanted=engine, cache=models.engines)

    network, statistics = moda.load(models.folder, device)
    features = hubert.load(models.hubert, device)
    networks = liveportrait.load(models.folder, device)

    # Steps start from float32 time embeddings, and keypoints are float32 throughout: half
    # precision is for W and G, where nearly all of the work is.
    step = build(VelocityStep(network), step_inputs(network, WINDOW), "velocity", batches=_PASSES)
    speech = torch.zeros(2, HUBERT_WINDOW * SAMPLES_PER_FRAME, device=device)
    hear = build(features, {"speech": speech}, "features", batches=_HEARD)
    decode = build(
        WarpAndGenerate(networks.warping, networks.generator),
        decoder_inputs(device),
        "picture",
        precision=torch.float16,
    )
    keypoints = {name: torch.zeros(2, KEYPOINTS, 3, device=device) for name in ("source", "driven")}
    stitch = build(Stitching(networks.stitching), keypoints, "stitched")

    heard = StreamingHubert(features, run=hear)
    silence = None
    if lip_modulation:
        nothing = np.zeros(SILENCE_FRAMES * SAMPLES_PER_FRAME, np.float32)
        silence, _ = heard.step(heard.init_state(), nothing)
    studio = PhotoStudio(networks, FaceLandmarks(models.folder), models.portraits, models.name)
    return Models(
        features=heard,
        generator=SlidingGenerator(network, statistics, hop=HOP, run=step, silence=silence),
        renderer=LivePortraitRenderer(stitch, decode, batch=BATCHES[-1]),
        avatars=PhotoGallery(studio, photos, library),
        pacing=PACING,
        clip=ReleasedClip(network, statistics, features, run=step, lip_modulation=lip_modulation),
        one_device=True,
        real_time=gpu,
    )


def _use_tensor_cores() -> None:
    """Let float32 matrix products use TF32, and cuDNN choose its algorithms by measurement."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
