"""Motion of whole clips, as the released script generates it: all of the sound is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from motion.contract import SAMPLES_PER_FRAME, Controls, Identity
from motion.head import ease_strength
from motion.layout import MOTION_DIM, FloatArray
from motion.moda.guidance import Guidance
from motion.moda.hubert import HubertFeatures, encode_clip
from motion.moda.lips import SILENCE_FRAMES, lips_at_rest
from motion.moda.network import Conditions, MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.portrait import emotion_weights, own_motion, scale_pose
from motion.moda.sampler import Modulations, released_schedule, sample
from motion.moda.windows import WINDOW, generate_clip


class ReleasedClip:
    """Windows of 80 frames that overlap by 16, ten steps each, over features of the whole clip."""

    def __init__(
        self,
        network: MoDA,
        statistics: MotionStatistics,
        features: HubertFeatures,
        run: Callable[..., Tensor] | None = None,
        *,
        lip_modulation: bool = False,
    ) -> None:
        """``run`` is an engine of the network's :class:`~motion.moda.network.VelocityStep`.

        ``lip_modulation`` is that of :mod:`motion.moda.lips`.
        """
        self._network = network
        self._statistics = statistics
        self._features = features
        self._run = run
        self._lip_modulation = lip_modulation
        self._schedule = released_schedule()
        self._modulations = Modulations(network, self._schedule)

    @torch.inference_mode()
    def __call__(self, identity: Identity, speech: FloatArray, controls: Controls) -> FloatArray:
        """Motion [n, 70] for ``speech [640 n]`` at 16 kHz. Raises ValueError for no frame."""
        device = self._network.emotion_table.device
        source = own_motion(identity, self._statistics)
        guidance = Guidance.released(controls.guidance)
        emotion = torch.from_numpy(emotion_weights(controls))[None].to(device)
        keypoints = torch.from_numpy(np.array(identity.canonical.reshape(1, -1))).to(device)
        noise = torch.Generator().manual_seed(controls.seed)

        def window(_: int, audio: Tensor, previous: Tensor) -> Tensor:
            drawn = torch.randn(1, WINDOW, MOTION_DIM, generator=noise)
            return sample(
                self._network,
                Conditions(audio, emotion, keypoints, previous),
                drawn.to(device),
                schedule=self._schedule,
                guidance=guidance,
                modulations=self._modulations,
                run=self._run,
            )

        if self._lip_modulation:
            speech = np.pad(speech, (0, SILENCE_FRAMES * SAMPLES_PER_FRAME))
        audio = torch.from_numpy(encode_clip(self._features, speech)).to(device)
        before = torch.from_numpy(self._statistics.from_source(source))[None, None].to(device)
        clip = generate_clip(audio, before, window).cpu().numpy()
        if self._lip_modulation:
            clip = lips_at_rest(clip).clip(clip)[:-SILENCE_FRAMES]
        motion = self._statistics.to_source(clip, source)
        scale_pose(motion, source, ease_strength(1.0, controls.head, len(motion)))
        return motion
