"""Where the faces in a picture are: the interface, and a guess that needs no trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np

from motion.keypoints import EYE_DISTANCE, Keypoint
from motion.layout import FloatArray
from renderer.contract import ImageArray
from renderer.photo.points import Placement, usual_face, within

K = Keypoint


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a picture."""

    points: FloatArray
    """Keypoints [21, 2] in pixels."""
    confidence: float
    """0 to 1; what a guess is worth, not a probability."""
    guessed: bool = False
    """Whether it was found without a trained model, and is to be confirmed by eye."""


class FaceDetector(Protocol):
    """Finds faces; trained landmark networks can stand behind it as well as the guess below."""

    def detect(self, picture: ImageArray) -> list[Face]:
        """Faces in BGR ``picture [h, w, 3]``, the surest first; none if it finds none."""


class NoSingleFaceError(ValueError):
    """A picture has no face or several; the text is one sentence for the user."""


def single_face(detector: FaceDetector, picture: ImageArray) -> Face:
    """The one face in ``picture``; raises :class:`NoSingleFaceError`."""
    faces = detector.detect(picture)
    if not faces:
        raise NoSingleFaceError("No face was found in the picture; place its points in the studio.")
    if len(faces) > 1:
        raise NoSingleFaceError(
            f"{len(faces)} faces were found in the picture; crop it to the one that is to speak."
        )
    return faces[0]


def centred_face(width: int, height: int) -> FloatArray:
    """Keypoints [21, 2] of the usual face in the middle of a picture, to be moved by hand."""
    unit = 0.5 * min(width, height)
    turn = np.eye(2, dtype=np.float32) * np.float32(unit)
    return Placement(turn, np.array((width / 2, height * 0.52), np.float32)).pixels(usual_face())


WORKING: Final = 190
"""Shorter side in pixels of the picture in which faces are looked for."""
DISTANCES: Final = np.geomspace(13.0, 62.0, 13)
"""Distances of the eyes that are tried, in pixels of it."""
ROLLS: Final = (-12.0, -6.0, 0.0, 6.0, 12.0)
"""Degrees."""
ENOUGH: Final = 0.60
"""Score from which a place counts as a face."""
RIVAL: Final = 0.88
"""Share of the best score from which another place counts as another face."""


class ShadowDetector:
    """Finds frontal faces by what all of them share, without a trained model.

    Eyes and mouth are dark and narrow, the skin around them is brighter and of one tone, and the
    left of a face resembles its right (after Sinha's ratio templates, 1995). All places, five
    rolls and a range of sizes are tried. A first guess, to be confirmed by eye: it is made for
    clear, evenly lit faces of drawings; folds of clothes and smiles in photographs mislead it.
    """

    def detect(self, picture: ImageArray) -> list[Face]:
        share = WORKING / min(picture.shape[:2])
        small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        found = _best_places(np.asarray(small, np.uint8))
        return [
            Face(_refined(picture, place.scaled(1 / share)), min(score, 1.0), guessed=True)
            for place, score in found
        ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Middle between the eyes, their distance in pixels, and the roll in degrees."""

    x: float
    y: float
    distance: float
    roll: float

    def scaled(self, factor: float) -> _Place:
        return _Place(self.x * factor, self.y * factor, self.distance * factor, self.roll)

    def placement(self) -> Placement:
        angle, unit = np.deg2rad(self.roll), self.distance / EYE_DISTANCE
        turn = unit * np.array(
            [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32
        )
        # Eyes lie this far above the canonical origin.
        middle = np.array((0.0, -0.149), np.float32) @ turn
        return Placement(turn.astype(np.float32), np.array((self.x, self.y), np.float32) - middle)


def _best_places(picture: ImageArray) -> list[tuple[_Place, float]]:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    tried: list[tuple[_Place, float]] = []
    for distance in DISTANCES.tolist():
        if distance * 2.2 > min(grey.shape):
            continue
        # Brightness against that of a face-sized surrounding, in units of its spread.
        blurred = cv2.GaussianBlur(grey, (0, 0), distance * 0.11)
        around = cv2.GaussianBlur(grey, (0, 0), distance * 0.75)
        spread = cv2.GaussianBlur(np.square(grey - around), (0, 0), distance * 0.75)
        local = (blurred - around) / np.sqrt(spread + 60.0)
        # Eyes are dark spots, mouths dark bands; both narrower than hair or a collar.
        sharp = cv2.GaussianBlur(grey, (0, 0), distance * 0.07)
        across = max(int(distance * 0.46) | 1, 3)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        filled = cv2.morphologyEx(sharp, cv2.MORPH_CLOSE, kernel)
        spots = (filled - sharp) / np.sqrt(spread + 60.0)
        for roll in ROLLS:
            scores = _scores(local, spots, distance, roll)
            _, best, _, (x, y) = cv2.minMaxLoc(scores)
            tried.append((_Place(float(x), float(y), distance, roll), best))
    tried.sort(key=lambda entry: -entry[1])
    kept: list[tuple[_Place, float]] = []
    for place, score in tried:
        if score < ENOUGH or (kept and score < RIVAL * kept[0][1]):
            break
        apart = [
            np.hypot(place.x - k.x, place.y - k.y) / max(place.distance, k.distance)
            for k, _ in kept
        ]
        if all(v > 1.6 for v in apart):
            kept.append((place, score))
    return kept


_DARK: Final = ((-0.5, 0.0), (0.5, 0.0), (0.0, 1.02))
_BRIGHT: Final = (
    (0.0, 0.02), (0.0, 0.42), (-0.5, 0.5), (0.5, 0.5), (-0.3, -0.72), (0.3, -0.72), (0.0, -0.7),
)  # fmt: skip
_SKIN: Final = (((-0.3, 0.5), (0.0, -0.5)), ((0.3, 0.5), (0.0, -0.5)), ((-0.5, 0.6), (0.5, 0.6)))
"""Pairs of places with skin on both."""
_ALIKE: Final = ((0.5, 0.0), (0.5, 0.5), (0.5, -0.3), (0.25, 1.0), (0.75, 0.1), (0.25, 0.3))
"""Places in eye distances from the middle between the eyes."""


def _scores(local: FloatArray, spots: FloatArray, distance: float, roll: float) -> FloatArray:
    """How much each place looks like the middle between two eyes."""
    angle = np.deg2rad(roll)
    cos, sin = np.cos(angle) * distance, np.sin(angle) * distance

    def at(place: tuple[float, float], of: FloatArray = local) -> FloatArray:
        dx, dy = place[0] * cos - place[1] * sin, place[0] * sin + place[1] * cos
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        size = (local.shape[1], local.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shifted: FloatArray = cv2.warpAffine(of, move, size, flags=flags, borderValue=0)  # type: ignore[assignment]
        return shifted

    left, right, mouth = (np.clip(at(place, spots), 0, 1) for place in _DARK)
    eyes = np.sqrt(left * right)
    bright = np.mean([np.clip(at(place), -1, 1) for place in _BRIGHT], 0)
    unlike = np.mean([np.abs(at((x, y)) - at((-x, y))) for x, y in _ALIKE], 0)
    # Skin, not the end of a dark mass, lies next to an eye.
    beyond = np.mean([np.abs(at(a) - at(b)) for a, b in _SKIN], 0)
    score: FloatArray = (
        0.7 * eyes + 0.25 * mouth + 0.2 * bright - 0.35 * unlike - 0.25 * beyond
    ).astype(np.float32)
    reach = int(distance * 0.6)
    score[:reach], score[:, :reach], score[:, -reach:] = -1, -1, -1
    score[max(int(len(score) - distance), 0) :] = -1
    return score


def _refined(picture: ImageArray, place: _Place) -> FloatArray:
    """The usual face at ``place`` with eyes and mouth moved to what is darkest near them."""
    placed = place.placement()
    face = usual_face()
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.02 * placed.unit, 0.6)).astype(np.float32)
    sides = []
    for sign in (-1.0, 1.0):
        eye = np.array((sign * EYE_DISTANCE / 2, -0.149), np.float32)
        sides.append(_darkest(grey, placed, eye, (0.05, 0.045)))
    mouth = _darkest(grey, placed, face[K.UPPER_INNER], (0.015, 0.07))
    left, right = (placed.pixels(eye) for eye in sides)
    across = right - left
    distance = float(np.hypot(*across))
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    middle = (left + right) / 2
    better = _Place(float(middle[0]), float(middle[1]), distance, roll).placement()
    seam = float(better.places(placed.pixels(mouth))[1]) - face[K.UPPER_INNER, 1]
    for key in (
        K.MOUTH_LEFT, K.MOUTH_RIGHT, K.UPPER_OUTER, K.LOWER_OUTER, K.UPPER_INNER, K.LOWER_INNER,
        K.UPPER_LEFT, K.UPPER_RIGHT, K.TONGUE, K.JAW,
    ):  # fmt: skip
        face[key, 1] += seam
    return within(better.pixels(face), picture.shape[1], picture.shape[0])


def _darkest(
    grey: FloatArray, placed: Placement, place: FloatArray, reach: tuple[float, float]
) -> FloatArray:
    """The darkest canonical place within ``reach`` of ``place``, far ones counting less."""
    x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
    offsets = np.stack([x * reach[0], y * reach[1]], -1).astype(np.float32)
    pixels = placed.pixels(place + offsets)
    values = cv2.remap(grey, pixels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    cost = values + 12.0 * (x**2 + y**2)
    at = np.unravel_index(int(np.argmin(cost)), cost.shape)
    found: FloatArray = place + offsets[at]
    return found
