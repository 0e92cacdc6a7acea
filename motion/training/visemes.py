"""What the mouth aims at for each IPA sound: a blend of shapes and how strongly it insists.

The shapes are those of :mod:`motion.keypoints`. A sound insists separately on how open the mouth
is, on how round or spread, and on the tongue (:class:`Viseme`), because a "t" cares for the tongue
and little for the lips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from motion.offsets import Offset, symmetric_offsets

K = Keypoint

OPENNESS, ROUNDING, TONGUE = range(3)
"""Groups of coordinates that sounds insist on separately."""

_ROWS: Final = (
    (K.MOUTH_LEFT, 0), (K.MOUTH_LEFT, 1), (K.UPPER_INNER, 1), (K.UPPER_LEFT, 0),
    (K.UPPER_LEFT, 1), (K.UPPER_OUTER, 1), (K.LOWER_INNER, 1), (K.LOWER_OUTER, 1),
    (K.UPPER_INNER, 2), (K.LOWER_INNER, 2), (K.JAW, 1), (K.TONGUE, 1), (K.TONGUE, 2),
    (K.CHEEK_LEFT, 1),
)  # fmt: skip

# fmt: off
_TABLE: Final[Mapping[str, tuple[float, ...]]] = {
    #        corner x   y  inner upper x    y  outer lower outer  z up z low  jaw tongue y   z cheek
    "rest": (  0.0,   0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0),
    "AA":   (  0.0,   1.8, -1.4,  0.0, -1.0, -1.2, 11.0, 10.5,  0.0,  0.0,  9.0,  0.0,  0.0,  0.0),
    "EH":   ( -1.0,   0.8, -1.0, -0.4, -0.8, -0.9,  6.0,  5.8,  0.0,  0.0,  4.8, -0.5,  0.0, -0.2),
    "EE":   ( -2.6,  -0.4, -1.2, -1.0, -1.0, -1.0,  3.0,  3.0,  0.0,  0.0,  1.6, -1.0,  0.0, -0.5),
    "OH":   (  3.0,   1.6, -1.2,  1.2, -0.6, -1.2,  7.5,  7.2,  2.0,  2.0,  6.0,  0.0, -1.0,  0.3),
    "OO":   (  5.0,   1.0, -1.0,  2.2, -0.2, -1.4,  3.0,  3.2,  4.0,  4.0,  2.0,  0.0, -1.0,  0.4),
    "MBP":  (  0.0,   0.0,  0.4,  0.0,  0.4,  0.8, -0.4, -1.4, -2.0, -2.0, -0.2,  0.0,  0.0,  0.0),
    "FV":   ( -0.3,   0.2, -1.6,  0.0, -1.2, -1.2,  0.8,  0.2,  0.0, -3.0,  0.6,  0.0,  0.0,  0.0),
    "TH":   ( -0.5,   0.4, -0.8,  0.0, -0.6, -0.7,  3.0,  2.8,  0.0,  0.0,  2.0, -3.0,  3.0,  0.0),
    "L":    ( -0.5,   0.4, -0.8,  0.0, -0.6, -0.7,  3.0,  2.8,  0.0,  0.0,  2.0, -3.0,  1.0,  0.0),
    "D":    ( -0.4,   0.2, -0.8,  0.0, -0.6, -0.6,  1.8,  1.8,  0.0,  0.0,  1.0, -2.6,  0.0,  0.0),
    "SS":   ( -1.5,  -0.2, -1.0, -0.5, -0.8, -0.8,  1.4,  1.4,  0.0,  0.0,  0.5, -1.5,  0.0,  0.0),
    "SH":   (  2.0,   0.4, -1.4,  0.8, -0.8, -1.2,  1.8,  2.2,  2.6,  2.6,  0.8, -1.0, -1.0,  0.1),
    "G":    (  0.0,   0.4, -0.8,  0.0, -0.6, -0.6,  2.8,  2.6,  0.0,  0.0,  2.0,  0.4, -1.5,  0.0),
}
# fmt: on


def _shape(values: tuple[float, ...]) -> FloatArray:
    named: dict[Keypoint, list[float]] = {}
    for (keypoint, axis), value in zip(_ROWS, values, strict=True):
        named.setdefault(keypoint, [0.0, 0.0, 0.0])[axis] = value
    # What the table leaves out follows its neighbours.
    named[K.UPPER_OUTER][2] = named[K.UPPER_LEFT][2] = named[K.UPPER_INNER][2]
    named[K.LOWER_OUTER] = [0.0, named[K.LOWER_OUTER][1], named[K.LOWER_INNER][2]]
    complete: dict[Keypoint, Offset] = {k: (v[0], v[1], v[2]) for k, v in named.items()}
    return symmetric_offsets(complete).reshape(-1)


SHAPES: Final[Mapping[str, FloatArray]] = {name: _shape(row) for name, row in _TABLE.items()}
"""Offsets [63] in canonical units by name."""


def _groups() -> FloatArray:
    weights = np.zeros((3, 21, 3), np.float32)
    weights[OPENNESS, :, 1] = 1.0
    weights[ROUNDING, :, 0] = weights[ROUNDING, :, 2] = 1.0
    weights[:, K.TONGUE] = 0.0
    weights[TONGUE, K.TONGUE] = 1.0
    return weights.reshape(3, -1)


GROUPS: Final = _groups()
"""Membership [3, 63] of the offsets in the groups."""


@dataclass(frozen=True, slots=True)
class Viseme:
    target: FloatArray
    """Offsets [63] in canonical units."""
    dominance: tuple[float, float, float]
    """How strongly it insists on openness, rounding and tongue against its neighbours."""
    vowel: bool = False
    closure: str | None = None
    """Shape that the lips really reach, "MBP" or "FV", whatever the neighbours want."""


def _blend(**weights: float) -> FloatArray:
    target = np.zeros(63, np.float32)
    for name, weight in weights.items():
        target += np.float32(weight) * SHAPES[name]
    return target


def _vowels() -> Iterator[tuple[str, Viseme]]:
    # fmt: off
    blends: dict[str, dict[str, float]] = {
        "a": {"AA": 0.85, "EH": 0.15}, "æ": {"AA": 0.6, "EH": 0.45}, "ɑ": {"AA": 1.0},
        "ɐ": {"AA": 0.7}, "ʌ": {"AA": 0.6}, "ɒ": {"OH": 0.7, "AA": 0.35}, "ɔ": {"OH": 1.0},
        "o": {"OH": 0.65, "OO": 0.4}, "ʊ": {"OO": 0.65, "EH": 0.15}, "u": {"OO": 1.0},
        "ʉ": {"OO": 0.7, "EE": 0.2}, "ɵ": {"OO": 0.55, "EH": 0.3}, "y": {"OO": 0.85, "EE": 0.2},
        "ʏ": {"OO": 0.65, "EH": 0.2}, "ø": {"OO": 0.5, "OH": 0.3, "EE": 0.2},
        "œ": {"OH": 0.6, "EH": 0.35}, "ɶ": {"OH": 0.5, "AA": 0.4}, "ɛ": {"EH": 1.0},
        "e": {"EH": 0.55, "EE": 0.45}, "ɪ": {"EE": 0.55, "EH": 0.3}, "i": {"EE": 1.0},
        "ɨ": {"EE": 0.65, "D": 0.3}, "ᵻ": {"EE": 0.5, "EH": 0.3}, "ɯ": {"EE": 0.4, "D": 0.5},
        "ɤ": {"EH": 0.5, "OH": 0.2},
        "ə": {"EH": 0.5, "D": 0.2}, "ɘ": {"EH": 0.55}, "ɜ": {"EH": 0.6, "OO": 0.15},
        "ɚ": {"EH": 0.35, "SH": 0.45}, "ɝ": {"EH": 0.4, "SH": 0.45}, "ɞ": {"OH": 0.6},
    }
    # fmt: on
    reduced = frozenset("əɘɨᵻɚɪʊ")
    for sound, weights in blends.items():
        round_ = weights.get("OO", 0.0) + weights.get("OH", 0.0)
        strength = 0.6 if sound in reduced else 1.0
        yield (
            sound,
            Viseme(_blend(**weights), (strength, strength * (0.6 + 1.2 * round_), 0.5), vowel=True),
        )


def _consonants() -> Iterator[tuple[str, Viseme]]:
    classes: list[tuple[str, dict[str, float], tuple[float, float, float], str | None]] = [
        ("pbmɓʙ", {"MBP": 1.0}, (1.0, 0.1, 0.1), "MBP"),
        ("fvɱ", {"FV": 1.0}, (1.0, 0.4, 0.1), "FV"),
        ("ʋ", {"FV": 0.6, "D": 0.4}, (1.2, 0.3, 0.1), None),
        ("βɸ", {"MBP": 0.4, "D": 0.5}, (2.0, 0.3, 0.1), None),
        ("wʍɥ", {"OO": 0.9}, (1.5, 2.0, 0.3), None),
        ("θð", {"TH": 1.0}, (0.9, 0.2, 2.0), None),
        ("tdnɾrɺʈɖɳɽɗ", {"D": 1.0}, (0.6, 0.1, 1.0), None),
        ("szɬɮʦʣ", {"SS": 1.0}, (1.4, 0.5, 1.5), None),
        ("ʃʒɕʑʂʐɧʧʤ", {"SH": 1.0}, (1.2, 1.5, 1.5), None),
        ("ɹɻ", {"SH": 0.6, "D": 0.4}, (0.7, 0.9, 0.8), None),
        ("lɭ", {"L": 1.0}, (0.5, 0.1, 1.5), None),
        ("ɫʟ", {"L": 0.8, "OO": 0.2}, (0.5, 0.3, 1.2), None),
        ("kɡgŋxɣqɢχʁɴʀɠħʕʛ", {"G": 1.0}, (0.3, 0.05, 0.6), None),
        ("jʎɲcɟçʝɰ", {"EE": 0.7, "D": 0.3}, (0.6, 0.5, 0.8), None),
        ("hɦʔ", {"G": 1.0}, (0.05, 0.02, 0.05), None),
    ]
    for sounds, weights, dominance, closure in classes:
        for sound in sounds:
            yield sound, Viseme(_blend(**weights), dominance, closure=closure)


VISEMES: Final[Mapping[str, Viseme]] = dict(_vowels()) | dict(_consonants())
"""By single IPA sound."""

UNKNOWN: Final = Viseme(_blend(G=1.0), (0.1, 0.05, 0.05))
"""For a sound that is not in the table: it gives way to its neighbours."""

PAUSE_VISEME: Final = Viseme(_blend(rest=1.0), (1.2, 0.9, 0.9))

BILABIALS: Final = frozenset("pbmɓʙ")
