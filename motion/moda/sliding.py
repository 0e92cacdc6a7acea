"""The published, bidirectional MoDA as a streaming generator.

A window of 80 frames slides along the clip in hops of a few frames. Frames already given out
stay in it, held on the flow path with their own noise, so that new frames continue them; the last
frame that left the window is its previous motion. Audio beyond the known sound is zero, as at the
end of a released clip. Given the same hops this is a function of the clip alone; other hops give
other motion, because the network attends to the whole window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from motion.contract import Controls, Identity, MotionGenerator, MotionRequest, Stepped
from motion.head import ease_strength
from motion.layout import MOTION_DIM, FloatArray
from motion.moda.chunks import in_chunks
from motion.moda.guidance import Guidance
from motion.moda.lips import LipModulation, lips_at_rest
from motion.moda.network import Conditions, MoDA
from motion.moda.normalisation import MotionStatistics
from motion.moda.portrait import emotion_weights, own_motion, scale_pose
from motion.moda.sampler import KnownFrames, Modulations, Schedule, released_schedule, sample
from motion.moda.windows import WINDOW, smooth_pose


@dataclass(frozen=True, slots=True)
class SlidingState:
    """The state of a clip; a value, never modified."""

    identity: FloatArray
    """[63]"""
    source: FloatArray
    """The portrait's own motion [70]."""
    frame: int
    """Index in the clip of the next frame."""
    previous: FloatArray
    """Normalised motion [70] of the frame before the window."""
    known: FloatArray
    """Normalised motion [p, 70] of the frames in the window that were given out."""
    audio: FloatArray
    """Their features [p, dim]."""
    head: float
    """Present strength of the head's motion, relative to the portrait's own pose."""
    lips: LipModulation | None = None
    """What makes the lips' movements larger, if anything does."""
    lip_peak: float = 0.0
    """Their largest movement so far."""


class SlidingGenerator(MotionGenerator[SlidingState]):
    """Sessions share batches in :meth:`steps`.

    ``features`` are those of :mod:`motion.moda.hubert`, flattened to [n, layers * size].
    """

    def __init__(
        self,
        network: MoDA,
        statistics: MotionStatistics,
        *,
        hop: int = 8,
        lookahead: int = 4,
        schedule: Schedule | None = None,
        run: Callable[..., torch.Tensor] | None = None,
        silence: FloatArray | None = None,
    ) -> None:
        """``run`` is an engine of the network's :class:`~motion.moda.network.VelocityStep`.

        ``silence`` holds the features [50, dim] of two seconds of it: with them, lips move further
        away from where they are in silence, see :mod:`motion.moda.lips`.
        """
        if hop < 1 or lookahead < 0 or hop + lookahead > WINDOW:
            raise ValueError(
                f"a hop of {hop} and a look-ahead of {lookahead} do not fit a window of {WINDOW}"
            )
        self.chunk = hop
        self.lookahead = lookahead
        self.dim = network.config.audio_layers * network.config.audio_features
        self._network = network
        self._statistics = statistics
        self._schedule = schedule or released_schedule(last_step=False)
        self._modulations = Modulations(network, self._schedule)
        self._run = run
        self._silence = silence

    def init_state(self, identity: Identity) -> SlidingState:
        """A face that is no :class:`~motion.moda.portrait.PortraitIdentity` starts from the
        average motion."""
        source = own_motion(identity, self._statistics)
        state = SlidingState(
            identity=identity.canonical.reshape(-1),
            source=source,
            frame=0,
            previous=self._statistics.from_source(source),
            known=np.zeros((0, MOTION_DIM), np.float32),
            audio=np.zeros((0, self.dim), np.float32),
            head=1.0,
        )
        if self._silence is None:
            return state
        silent = _Hop(state, self._silence, self._silence[:0], Controls())
        window = self._windows([silent])[0]
        return replace(state, lips=lips_at_rest(window[: len(self._silence)]))

    def steps(self, requests: Sequence[MotionRequest[SlidingState]]) -> list[Stepped[SlidingState]]:
        """Those with the same guidance are one batch per hop."""
        for request in requests:
            request.check(self.dim, self.lookahead)
        return in_chunks(
            requests, self.chunk, self._slide, lambda hop: hop.controls.guidance, self._sample
        )

    def _slide(self, state: SlidingState, request: MotionRequest[SlidingState], start: int) -> _Hop:
        """Make room in the window for a hop from row ``start`` of the request."""
        new = request.features[start : start + self.chunk]
        following = np.concatenate([request.features[start + self.chunk :], request.ahead])
        following = following[: self.lookahead]
        leaving = max(0, len(state.known) + self.chunk + self.lookahead - WINDOW)
        previous = state.known[leaving - 1] if leaving else state.previous
        kept = replace(
            state, previous=previous, known=state.known[leaving:], audio=state.audio[leaving:]
        )
        return _Hop(kept, new, following, request.controls)

    def _sample(self, hops: Sequence[_Hop]) -> list[tuple[FloatArray, list[SlidingState]]]:
        """What :meth:`_give_out` makes of each of the hops, whose guidance is the same."""
        windows = self._windows(hops)
        return [self._give_out(hop, window) for hop, window in zip(hops, windows, strict=True)]

    def _windows(self, hops: Sequence[_Hop]) -> FloatArray:
        """Normalised windows [B, 80, 70]."""
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
            emotion=_tensor([emotion_weights(hop.controls) for hop in hops]).to(device),
            identity=_tensor([hop.state.identity for hop in hops]).to(device),
            previous=_tensor([hop.state.previous for hop in hops])[:, None].to(device),
        )
        windows = sample(
            self._network,
            conditions,
            _tensor([_noise(hop) for hop in hops]).to(device),
            schedule=self._schedule,
            guidance=Guidance.released(hops[0].controls.guidance),
            known=KnownFrames(
                torch.from_numpy(motion).to(device), torch.from_numpy(held).to(device)
            ),
            modulations=self._modulations,
            run=self._run,
        )
        return windows.float().cpu().numpy()

    def _give_out(self, hop: _Hop, window: FloatArray) -> tuple[FloatArray, list[SlidingState]]:
        """Motion [n, 70] of a hop, and the states after each of its frames."""
        state, controls = hop.state, hop.controls
        known, new = len(state.known), len(hop.new)
        heard = window[: known + new + len(hop.following)]
        smoothed = smooth_pose(torch.from_numpy(heard)).numpy()
        given = smoothed[known : known + new]
        shown, peaks = given, np.full(new, state.lip_peak)
        if state.lips is not None:
            shown, peaks = state.lips.step(given, state.lip_peak)
        motion = self._statistics.to_source(shown, state.source)
        heads = ease_strength(state.head, controls.head, new)
        scale_pose(motion, state.source, heads)
        known_after = np.concatenate([state.known, given])
        audio_after = np.concatenate([state.audio, hop.new])
        after = [
            replace(
                state,
                frame=state.frame + i,
                known=known_after[: known + i],
                audio=audio_after[: known + i],
                head=float(heads[i - 1]),
                lip_peak=float(peaks[i - 1]),
            )
            for i in range(1, new + 1)
        ]
        return motion, after


@dataclass(frozen=True, slots=True)
class _Hop:
    """New frames of one session and the window that they stand in."""

    state: SlidingState
    new: FloatArray
    following: FloatArray
    controls: Controls


def _noise(hop: _Hop) -> FloatArray:
    """Noise [80, 70] of the window's frames: a function of seed and frame, wherever it stands."""
    first = hop.state.frame - len(hop.state.known)
    rows = (
        np.random.Generator(np.random.Philox(key=hop.controls.seed, counter=[0, 0, 0, frame]))
        for frame in range(first, first + WINDOW)
    )
    return np.stack([row.standard_normal(MOTION_DIM, np.float32) for row in rows])


def _tensor(rows: Sequence[FloatArray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(rows))
