"""Phoneme times: segments of IPA, and the phone sets of festival and flite in IPA."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from motion.layout import FloatArray

PAUSE: Final = ""
"""The symbol of a segment without speech."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One speech sound."""

    ipa: str
    """A single IPA sound ("a", "m", "ʃ") or :data:`PAUSE`."""
    start: float
    """Seconds from the first sample."""
    end: float
    stressed: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech and what is said in it when."""

    speech: FloatArray
    """Mono float32 at 16 kHz."""
    segments: tuple[Segment, ...]
    """In order, without gaps; before the first and after the last is silence."""
    voice: str


_ASPIRATED: Final = re.compile(r"(?<=[ptkqcbdɡʈɖɟʃsɕʂ])h")
_STRESS: Final = "ˈ"
_AFFRICATES: Final[Mapping[str, str]] = {
    "tʃ": "ʃ", "dʒ": "ʒ", "tɕ": "ɕ", "dʑ": "ʑ", "tʂ": "ʂ", "dʐ": "ʐ", "ts": "s", "dz": "z",
}  # fmt: skip
"""Lips and jaw take the shape of the fricative from the start."""


def split_ipa(symbol: str) -> tuple[list[str], bool]:
    """The single sounds of an IPA string such as "ˈoʊ" or "tʃʲ", and whether it is stressed."""
    # Marks of length, tone, aspiration, palatalisation and nasality do not move the lips.
    letters = "".join(
        c for c in unicodedata.normalize("NFD", symbol) if unicodedata.category(c) in ("Ll", "Lo")
    )
    plain = _ASPIRATED.sub("", letters)
    for affricate, fricative in _AFFRICATES.items():
        plain = plain.replace(affricate, fricative)
    return list(plain), _STRESS in symbol


def segments_of(symbol: str, start: float, end: float, stressed: bool = False) -> list[Segment]:
    """Segments that share the time of a ``symbol`` of one or more sounds."""
    sounds, marked = split_ipa(symbol)
    if not sounds:
        return [Segment(PAUSE, start, end)]
    step = (end - start) / len(sounds)
    return [
        Segment(sound, start + i * step, start + (i + 1) * step, stressed or marked)
        for i, sound in enumerate(sounds)
    ]


# fmt: off
_RADIO: Final[Mapping[str, str]] = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ",
    "b": "b", "ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "əɫ", "em": "əm",
    "en": "ən", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "hv": "h", "ih": "ɪ",
    "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "nx": "n", "ng": "ŋ",
    "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ",
    "uh": "ʊ", "uw": "ʉ", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}
_SAMPA: Final[Mapping[str, str]] = {
    "a": "a", "e": "e", "E": "ɛ", "i": "i", "o": "o", "O": "ɔ", "u": "u", "j": "j", "w": "w",
    "y": "y", "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "ɡ", "f": "f", "v": "v",
    "s": "s", "z": "z", "S": "ʃ", "Z": "ʒ", "ts": "ts", "dz": "dz", "tS": "tʃ", "dZ": "dʒ",
    "m": "m", "n": "n", "nf": "ɱ", "ng": "ŋ", "J": "ɲ", "l": "l", "L": "ʎ", "r": "r", "h": "h",
}
_RUSSIAN: Final[Mapping[str, str]] = {
    "ii": "i", "yy": "ɨ", "uu": "u", "ee": "ɛ", "oo": "o", "aa": "a", "a": "ɐ", "e": "e", "i": "ɪ",
    "y": "ɨ", "u": "ʊ", "ae": "ɪ", "ay": "ə", "ur": "ʊ", "p": "p", "pp": "p", "b": "b", "bb": "b",
    "t": "t", "tt": "t", "d": "d", "dd": "d", "k": "k", "kk": "k", "g": "ɡ", "gg": "ɡ", "c": "ts",
    "ch": "tɕ", "f": "f", "ff": "f", "v": "v", "vv": "v", "s": "s", "ss": "s", "z": "z", "zz": "z",
    "sh": "ʂ", "sch": "ɕ", "zh": "ʐ", "h": "x", "hh": "x", "m": "m", "mm": "m", "n": "n",
    "nn": "n", "l": "ɫ", "ll": "l", "r": "r", "rr": "r", "j": "j",
}
# fmt: on
PHONE_SETS: Final[Mapping[str, Mapping[str, str]]] = {
    "radio": _RADIO,
    "italian": _SAMPA,
    "russian": _RUSSIAN,
}
"""Names of phones in festival's and flite's phone sets, without digits and length -> IPA."""

_PAUSES: Final = frozenset(("pau", "#", "##", "_", "ssil", "SIL", "brth"))


def phone_to_ipa(phone: str, phone_set: str) -> tuple[str, bool]:
    """IPA and stress of a festival or flite ``phone``. Raises KeyError for one not in the set."""
    if phone in _PAUSES:
        return PAUSE, False
    stressed = phone.endswith("1")
    return PHONE_SETS[phone_set][phone.rstrip("0123456789:")], stressed


def segments_from_phones(ends: list[tuple[str, float]], phone_set: str) -> tuple[Segment, ...]:
    """Segments from phones with their end times in seconds."""
    segments: list[Segment] = []
    start = 0.0
    for phone, end in ends:
        ipa, stressed = phone_to_ipa(phone, phone_set)
        if end > start:
            segments += segments_of(ipa, start, end, stressed)
        start = max(start, end)
    return tuple(segments)
