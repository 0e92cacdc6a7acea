"""What a viewer gets, in figures, from what arrived at a :class:`client.peer.Peer`.

Times are those of arriving packets unless said otherwise: what the network and the server cost,
without the buffers of a player.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from client.media import AUDIO_RATE, Picture, Sound
from client.peer import Peer

FloatArray = npt.NDArray[np.float64]

AUDIBLE: Final = 330
"""Peak of 16-bit samples from which sound is audible: -40 dB of full scale."""

FRAME: Final = 0.04
"""Seconds that a picture is shown."""

FREEZE: Final = 0.15
"""Seconds by which a picture must be late to be a freeze, as in the WebRTC statistics."""

OPEN: Final = 0.25
"""Opening from which a mouth counts as open, relative to its widest (95th percentile)."""

_MOVED: Final = 1.25
"""Change of the picture that counts as a reaction, relative to the largest change at rest."""

_GRID: Final = 0.01
"""Seconds between the points on which sound and mouth are compared."""

_WINDOW: Final = 3.0
"""Seconds over which sound and mouth are compared."""
_HOP: Final = 1.0
"""Seconds from one such window to the next."""
_REACH: Final = 0.4
"""Largest offset in seconds that is looked for."""
_CLEAR: Final = 0.1
"""Correlation by which a peak is clearly below the best."""

_MOUTH_SHARE: Final = 0.02
"""Share of the pixels of the lower face that are taken for the mouth."""

_QUIET_DB: Final = -50.0
"""Level (dB of full scale) under which all sound counts as the same silence."""

SenderTime = Callable[[float], float | None]


def audible(sound: Sound) -> bool:
    """Whether the packet is as loud as :data:`AUDIBLE`."""
    return int(np.abs(sound.pcm.astype(np.int32)).max(initial=0)) >= AUDIBLE


def audible_at(sounds: Sequence[Sound], after: float) -> float | None:
    """Arrival of the first audible packet that arrived after ``after``."""
    for sound in sounds:
        if sound.arrival >= after and audible(sound):
            return sound.arrival
    return None


def silent_at(sounds: Sequence[Sound], after: float, hold: float = 0.3) -> float | None:
    """Arrival of the first packet after ``after`` that begins a silence of ``hold`` seconds."""
    began: Sound | None = None
    for sound in sounds:
        if sound.arrival < after:
            continue
        if audible(sound):
            began = None
        else:
            began = began or sound
            if sound.pts - began.pts >= hold:
                return began.arrival
    return None


def frame_rate(pictures: Sequence[Picture]) -> float:
    """Pictures per second over their arrivals; 0 for less than two."""
    if len(pictures) < 2:
        return 0.0
    return (len(pictures) - 1) / (pictures[-1].arrival - pictures[0].arrival)


def freezes(pictures: Sequence[Picture]) -> int:
    """Freezes while ``pictures`` arrived, see :func:`count_freezes`."""
    return count_freezes(np.array([picture.arrival for picture in pictures]))


def count_freezes(arrivals: FloatArray) -> int:
    """Gaps between pictures longer than three times the mean, or than the mean + 150 ms."""
    gaps = np.diff(arrivals)
    if len(gaps) == 0:
        return 0
    return int((gaps > max(3 * gaps.mean(), gaps.mean() + FREEZE)).sum())


def mouth_opening(pictures: Sequence[Picture], speaking: npt.NDArray[np.bool_]) -> FloatArray:
    """How far the mouth is open on each picture: 0 at rest, 1 at its widest (95th percentile).

    The mouth is found as the pixels of the lower face that change most while the avatar speaks
    (``speaking [n]``) and least while it does not; the opening is their distance to their
    median at rest. Raises ValueError without at least one picture of either kind.
    """
    if speaking.all() or not speaking.any():
        raise ValueError("pictures of a speaking and of a resting avatar are needed")
    faces = np.stack([picture.face for picture in pictures]).astype(np.float32)
    rest = faces[~speaking]
    lively = faces[speaking].std(0) - rest.std(0)
    mouth = lively >= np.quantile(lively, 1 - _MOUTH_SHARE)
    change = np.abs(faces[:, mouth] - np.median(rest[:, mouth], 0)).mean(1).astype(np.float64)
    change -= np.median(change[~speaking])
    opening: FloatArray = change / max(float(np.quantile(change[speaking], 0.95)), 1e-6)
    return opening


def open_at(pictures: Sequence[Picture], opening: FloatArray, after: float) -> float | None:
    """Arrival of the first picture after ``after`` on which the mouth is open."""
    for picture, amount in zip(pictures, opening, strict=True):
        if picture.arrival >= after and amount >= OPEN:
            return picture.arrival
    return None


def closed_at(pictures: Sequence[Picture], opening: FloatArray, after: float) -> float | None:
    """Arrival of the picture after ``after`` from which on the mouth stays closed."""
    closed: float | None = None
    for picture, amount in zip(pictures, opening, strict=True):
        if picture.arrival < after:
            continue
        if amount >= OPEN:
            closed = None
        elif closed is None:
            closed = picture.arrival
    return closed


def moved_at(pictures: Sequence[Picture], after: float, within: float = 1.0) -> float | None:
    """Arrival of the first picture after ``after`` that differs clearly more from the resting face
    than any of the second before; None if none does ``within`` that many seconds."""
    resting = [p.face for p in pictures if after - 1.0 <= p.arrival < after]
    if not resting:
        return None
    usual = np.median(np.stack(resting), 0)

    def change(face: npt.NDArray[np.uint8]) -> float:
        return float(np.abs(face - usual).mean())

    idle = max(map(change, resting))
    for picture in pictures:
        if after <= picture.arrival < after + within and change(picture.face) > _MOVED * idle:
            return picture.arrival
    return None


def speaking_pictures(
    pictures: Sequence[Picture], sounds: Sequence[Sound]
) -> npt.NDArray[np.bool_]:
    """Which pictures arrived while there was sound, or within 0.2 seconds of it."""
    heard = np.array([sound.arrival for sound in sounds if audible(sound)])
    if len(heard) == 0:
        return np.zeros(len(pictures), np.bool_)
    arrivals = np.array([picture.arrival for picture in pictures])
    index = np.searchsorted(heard, arrivals)
    before = arrivals - heard[np.maximum(index - 1, 0)]
    until = heard[np.minimum(index, len(heard) - 1)] - arrivals
    near: npt.NDArray[np.bool_] = (np.abs(before) <= 0.2) | (np.abs(until) <= 0.2)
    return near


@dataclass(frozen=True, slots=True)
class LipSync:
    """Offsets between sound and lips, one per stretch of speech."""

    offsets_ms: FloatArray
    """Positive: the sound is ahead of the lips."""
    correlations: FloatArray
    """How alike loudness and mouth are at that offset, -1 to 1."""

    @classmethod
    def none(cls) -> LipSync:
        """Nothing could be compared."""
        return cls(np.empty(0), np.empty(0))

    @property
    def median_ms(self) -> float | None:
        return float(np.median(self.offsets_ms)) if len(self.offsets_ms) else None

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of the absolute offset."""
        return float(np.quantile(np.abs(self.offsets_ms), 0.95)) if len(self.offsets_ms) else None


def lip_sync(
    sounds: Sequence[Sound],
    pictures: Sequence[Picture],
    opening: FloatArray,
    audio_time: SenderTime,
    video_time: SenderTime,
    *,
    alike: float = 0.3,
) -> LipSync:
    """Find the offset at which loudness and mouth are most alike, window by window.

    ``audio_time`` and ``video_time`` put both tracks on the sender's clock, as a player does
    that plays them in sync. Windows that are silent for more than half, or in which the two are
    not ``alike`` (correlation) at any offset in reach, do not count. A syllable further on the two
    are nearly as alike: of peaks that are not clearly below the best, the one nearest to the offset
    of all windows together is taken.
    """
    sound = _loudness(sounds, audio_time)
    mouth = _on_grid(pictures, opening, video_time)
    if sound is None or mouth is None:
        return LipSync.none()
    begin, end = max(sound.begin, mouth.begin), min(sound.end, mouth.end)
    lags = np.arange(-round(_REACH / _GRID), round(_REACH / _GRID) + 1)
    windows = []
    for start in np.arange(begin + _REACH, end - _REACH - _WINDOW, _HOP):
        loudness = sound.cut(start, _WINDOW)
        if (loudness > _QUIET_DB + 1).mean() >= 0.5:
            cuts = (mouth.cut(start + lag * _GRID, _WINDOW) for lag in lags)
            windows.append(np.array([_correlation(loudness, cut) for cut in cuts]))
    found: list[tuple[float, float]] = []
    usual = int(np.mean(windows, axis=0).argmax()) if windows else 0
    for scores in windows:
        # A best score at the edge is not a peak: the true one lies beyond, or nowhere.
        if scores.max() >= alike and 0 < scores.argmax() < len(lags) - 1:
            inner = scores[1:-1]
            peaks = (inner >= scores[:-2]) & (inner >= scores[2:]) & (inner > scores.max() - _CLEAR)
            at = np.flatnonzero(peaks) + 1
            nearest = at[np.abs(at - usual).argmin()]
            found.append((lags[nearest] * _GRID * 1000, scores[nearest]))
    offsets, correlations = np.array(found).reshape(-1, 2).T
    return LipSync(offsets, correlations)


def lip_sync_at(peer: Peer) -> LipSync:
    """:func:`lip_sync` of all that ``peer`` keeps; nothing if speech or silence is missing."""
    sounds, pictures = list(peer.audio), list(peer.video)
    speaking = speaking_pictures(pictures, sounds)
    if speaking.all() or not speaking.any():
        return LipSync.none()
    opening = mouth_opening(pictures, speaking)
    clocks = peer.audio_clock.sender_time, peer.video_clock.sender_time
    return lip_sync(sounds, pictures, opening, *clocks)


@dataclass(frozen=True, slots=True)
class _Curve:
    """Values on the grid from ``begin`` (seconds of the sender's clock) on."""

    begin: float
    values: FloatArray

    @property
    def end(self) -> float:
        return self.begin + len(self.values) * _GRID

    def cut(self, start: float, length: float) -> FloatArray:
        first = round((start - self.begin) / _GRID)
        return self.values[first : first + round(length / _GRID)]


def _loudness(sounds: Sequence[Sound], sender_time: SenderTime) -> _Curve | None:
    """Level in dB, smoothed over the time that a picture is shown."""
    if not sounds or (begin := sender_time(sounds[0].pts)) is None:
        return None
    hop = round(_GRID * AUDIO_RATE)
    length = round((sounds[-1].pts - sounds[0].pts) * AUDIO_RATE) + len(sounds[-1].pcm)
    pcm = np.zeros(-(-length // hop) * hop, np.float64)
    for sound in sounds:  # packets that were lost stay silent
        at = round((sound.pts - sounds[0].pts) * AUDIO_RATE)
        pcm[at : at + len(sound.pcm)] = sound.pcm[: len(pcm) - at] / 32768
    power = (pcm.reshape(-1, hop) ** 2).mean(1)
    kernel = np.hanning(2 * round(FRAME / _GRID) + 1)
    smooth = np.convolve(power, kernel / kernel.sum(), "same")
    return _Curve(begin, np.maximum(10 * np.log10(smooth + 1e-12), _QUIET_DB))


def _on_grid(
    pictures: Sequence[Picture], opening: FloatArray, sender_time: SenderTime
) -> _Curve | None:
    if not pictures or (begin := sender_time(pictures[0].pts)) is None:
        return None
    # A picture stands for the time that it is shown, so its value belongs to the middle of it.
    shown = np.array([picture.pts - pictures[0].pts for picture in pictures]) + FRAME / 2
    grid = np.arange(0, shown[-1], _GRID)
    return _Curve(begin, np.interp(grid, shown, opening))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) != len(b) or a.std() == 0 or b.std() == 0:
        return -1.0
    return float(np.corrcoef(a, b)[0, 1])
