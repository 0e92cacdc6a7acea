"""The published, bidirectional MoDA as a streaming generator.

A window of 80 frames slides along the clip in hops of a few frames. Frames already given out
stay in it, held on the flow path with their own noise, so new frames grow out of them; the last
frame that left the window is its previous motion; what follows the known sound is zeros, as at
the end of a released clip. Given the same hops this is a function of the clip alone. Other hops
give other motion, because the network looks at the whole window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch

from motion.contract import EMOTIONS, Controls, Identity
from motion.layout import MOTION_DIM, FloatArray
from motion.moda.guidance import Guidance
from motion.moda.lips import LipModulation
from motion.moda.network import Conditions, MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.sampler import KnownFrames, Modulations, Schedule, released_schedule, sample
from motion.moda.windows import smooth_pose

WINDOW: Final = 80


@runtime_checkable
class PortraitIdentity(Identity, Protocol):
    """A face of which the published model knows more than its keypoints."""

    @property
    def motion(self) -> FloatArray:
        """The portrait's own motion [70]."""


@dataclass(frozen=True, slots=True)
class SlidingState:
    """Where a clip stands; a value, never changed."""

    identity: FloatArray
    """[63]"""
    source: FloatArray
    """The portrait's own motion [70]."""
    seed: int
    frame: int
    """Index in the clip of the next frame."""
    previous: FloatArray
    """Normalised motion [70] of the frame before the window."""
    known: FloatArray
    """Normalised motion [p, 70] of the frames in the window that were given out."""
    audio: FloatArray
    """Their features [p, dim]."""
    lip_peak: float
    """Largest lip movement so far, see :class:`motion.moda.lips.LipModulation`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One session's wish for the motion of its next frames."""

    state: SlidingState
    features: FloatArray
    ahead: FloatArray
    controls: Controls


class SlidingGenerator:
    """Implements :class:`motion.contract.MotionGenerator`; sessions share batches in :meth:`steps`.

    ``features`` are those of :mod:`motion.moda.hubert`, flattened to [n, layers * size].
    """

    def __init__(
        self,
        network: MoDA,
        statistics: MotionStatistics,
        *,
        hop: int = 8,
        lookahead: int = 4,
        guidance: Guidance | None = None,
        schedule: Schedule | None = None,
        lips: LipModulation | None = None,
    ) -> None:
        if hop < 1 or lookahead < 0 or hop + lookahead > WINDOW:
            raise ValueError(
                f"a hop of {hop} and a look-ahead of {lookahead} do not fit a window of {WINDOW}"
            )
        self.hop = hop
        self.lookahead = lookahead
        self.dim = network.config.audio_layers * network.config.audio_features
        self._network = network
        self._statistics = statistics
        self._guidance = Guidance.released() if guidance is None else guidance
        self._schedule = schedule or released_schedule(last_step=False)
        self._modulations = Modulations(network, self._schedule)
        self._lips = lips

    def init_state(self, identity: Identity, seed: int) -> SlidingState:
        """A face that is no :class:`PortraitIdentity` starts from the average motion."""
        source = self._statistics.mean
        if isinstance(identity, PortraitIdentity):
            source = identity.motion
        return SlidingState(
            identity=identity.canonical.reshape(-1),
            source=source,
            seed=seed,
            frame=0,
            previous=self._statistics.from_source(source),
            known=np.zeros((0, MOTION_DIM), np.float32),
            audio=np.zeros((0, self.dim), np.float32),
            lip_peak=0.0,
        )

    def step(
        self, state: SlidingState, features: FloatArray, ahead: FloatArray, controls: Controls
    ) -> tuple[FloatArray, SlidingState]:
        (result,) = self.steps([Request(state, features, ahead, controls)])
        return result

    def steps(self, requests: Sequence[Request]) -> list[tuple[FloatArray, SlidingState]]:
        """Motion [n, 70] and the state after it for each request, sampled in one batch per hop.

        Raises ValueError for features of another size or more look-ahead than there is.
        """
        for request in requests:
            self._check(request)
        states = [request.state for request in requests]
        motions = [np.zeros((0, MOTION_DIM), np.float32) for _ in requests]
        longest = max((len(request.features) for request in requests), default=0)
        for start in range(0, longest, self.hop):
            active = [i for i, r in enumerate(requests) if len(r.features) > start]
            hops = [self._slide(states[i], requests[i], start) for i in active]
            for i, hop, window in zip(active, hops, self._sample(hops), strict=True):
                motion, states[i] = self._give_out(hop, window)
                motions[i] = np.concatenate([motions[i], motion])
        return list(zip(motions, states, strict=True))

    def _check(self, request: Request) -> None:
        for name, rows in (("features", request.features), ("ahead", request.ahead)):
            if rows.ndim != 2 or rows.shape[1] != self.dim:
                raise ValueError(f"{name} must be [n, {self.dim}], not {list(rows.shape)}")
        if len(request.ahead) > self.lookahead:
            raise ValueError(f"at most {self.lookahead} rows ahead, not {len(request.ahead)}")

    def _slide(self, state: SlidingState, request: Request, start: int) -> _Hop:
        """Make room in the window for a hop from row ``start`` of the request."""
        new = request.features[start : start + self.hop]
        following = np.concatenate([request.features[start + self.hop :], request.ahead])
        following = following[: self.lookahead]
        leaving = max(0, len(state.known) + self.hop + self.lookahead - WINDOW)
        previous = state.known[leaving - 1] if leaving else state.previous
        kept = replace(
            state, previous=previous, known=state.known[leaving:], audio=state.audio[leaving:]
        )
        return _Hop(kept, new, following, request.controls)

    def _sample(self, hops: Sequence[_Hop]) -> FloatArray:
        """Normalised windows [B, 80, 70], smoothed over what is heard."""
        device = self._network.emotion_table.device
        audio = np.zeros((len(hops), WINDOW, self.dim), np.float32)
        motion = np.zeros((len(hops), WINDOW, MOTION_DIM), np.float32)
        held = np.zeros((len(hops), WINDOW), np.bool_)
        for i, hop in enumerate(hops):
            known = len(hop.state.known)
            heard = np.concatenate([hop.state.audio, hop.new, hop.following])
            audio[i, : len(heard)] = heard
            motion[i, :known] = hop.state.known
            held[i, :known] = True
        config = self._network.config
        tensors = torch.from_numpy(audio).view(
            len(hops), WINDOW, config.audio_layers, config.audio_features
        )
        conditions = Conditions(
            audio=tensors.to(device),
            emotion=_tensor([_emotion(hop.controls) for hop in hops]).to(device),
            identity=_tensor([hop.state.identity for hop in hops]).to(device),
            previous=_tensor([hop.state.previous for hop in hops])[:, None].to(device),
        )
        windows = sample(
            self._network,
            conditions,
            _tensor([_noise(hop.state) for hop in hops]).to(device),
            schedule=self._schedule,
            guidance=self._guidance,
            known=KnownFrames(
                torch.from_numpy(motion).to(device), torch.from_numpy(held).to(device)
            ),
            modulations=self._modulations,
        )
        return windows.float().cpu().numpy()

    def _give_out(self, hop: _Hop, window: FloatArray) -> tuple[FloatArray, SlidingState]:
        known, new = len(hop.state.known), len(hop.new)
        heard = window[: known + new + len(hop.following)]
        smoothed = smooth_pose(torch.from_numpy(heard)).numpy()
        given = smoothed[known : known + new]
        peak = hop.state.lip_peak
        shown = given
        if self._lips is not None:
            shown, peak = self._lips.step(given, peak)
        state = replace(
            hop.state,
            frame=hop.state.frame + new,
            known=np.concatenate([hop.state.known, given]),
            audio=np.concatenate([hop.state.audio, hop.new]),
            lip_peak=peak,
        )
        return self._statistics.to_source(shown, hop.state.source), state


@dataclass(frozen=True, slots=True)
class _Hop:
    """New frames of one session and the window that they stand in."""

    state: SlidingState
    new: FloatArray
    following: FloatArray
    controls: Controls


def _noise(state: SlidingState) -> FloatArray:
    """Noise [80, 70] of the window's frames: a function of seed and frame, wherever it stands."""
    first = state.frame - len(state.known)
    rows = (
        np.random.Generator(np.random.Philox(key=state.seed, counter=[0, 0, 0, frame]))
        for frame in range(first, first + WINDOW)
    )
    return np.stack([row.standard_normal(MOTION_DIM, np.float32) for row in rows])


def _emotion(controls: Controls) -> FloatArray:
    """Weights over the emotion table; what an emotion lacks of full strength is "none"."""
    weights = np.zeros(len(EMOTIONS), np.float32)
    weights[EMOTIONS.index(controls.emotion)] += controls.intensity
    weights[EMOTIONS.index("none")] += 1.0 - controls.intensity
    return weights


def _tensor(rows: Sequence[FloatArray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(rows))
