"""Film strips of the truth, MoDA and the yardstick for one sentence; a sheet of MoDA's emotions.

    python -m benchmarks.lip_strips --out docs

Writes ``lip_strips.jpg`` (every other frame of the mouth, with the sound that is spoken) and
``emotions.jpg``. The voice is flite's rms, which is not in the training data.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.lipsync import move
from benchmarks.lipsync_speech import framed, truth_of
from motion.contract import EMOTIONS, Controls, MotionGenerator
from motion.generator import BUILT_IN, CausalMoDA
from motion.layout import EXP, FPS, FloatArray
from motion.training.phonemes import PAUSE, Utterance
from motion.training.recorded import RECORDED_VOICES, say
from motion.yardstick import Yardstick
from renderer.avatar import EmbeddedAvatar
from renderer.decoder import EmbeddedRenderer
from renderer.library import open_avatar

Image = npt.NDArray[np.uint8]

_SENTENCE: Final = "My baby brother makes a beautiful map of the farm"
_VOICE: Final = "rms"
_AVATAR: Final = "mira"
_FIRST: Final = 14
_COLUMNS: Final = 18
_EVERY: Final = 2
_TILE: Final = 80
_LABEL: Final = 22
_MARGIN: Final = 92


def filmstrip(avatar: EmbeddedAvatar, utterance: Utterance, rows: dict[str, FloatArray]) -> Image:
    """The mouth in each of ``rows`` (motion [n, 70] by name), with the sounds of ``utterance``."""
    shown = _FIRST + _EVERY * np.arange(_COLUMNS)
    strip = np.full((_LABEL + len(rows) * _TILE, _MARGIN + _COLUMNS * _TILE, 3), 255, np.uint8)
    for i, frame in enumerate(shown):
        _write(strip, _phone_at(utterance, (frame + 0.5) / FPS), _MARGIN + i * _TILE + 20, 15)
    for row, (name, motion) in enumerate(rows.items()):
        top = _LABEL + row * _TILE
        _write(strip, name, 4, top + _TILE // 2)
        # Every row has the truth's poses: others would hide how the mouths differ.
        mouths = truth_of(utterance)[shown]
        mouths[:, EXP] = motion[shown, EXP]
        for i, picture in enumerate(EmbeddedRenderer().render_rgb(avatar, mouths)):
            left = _MARGIN + i * _TILE
            strip[top : top + _TILE, left : left + _TILE] = _mouth_of(picture)
    return strip


def emotion_sheet(
    avatar: EmbeddedAvatar, generator: MotionGenerator[Any], speech: FloatArray
) -> Image:
    """The face in each emotion, at the same open vowel of the same sentence."""
    tiles = []
    for emotion in EMOTIONS[:-1]:
        motion = move(generator, avatar, speech, generator.chunk, Controls(emotion))
        (picture,) = EmbeddedRenderer().render_rgb(avatar, motion[46:47])
        tile = cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA)
        _write(tile, emotion, 6, 192)
        tiles.append(tile)
    return np.concatenate([np.concatenate(tiles[i : i + 4], axis=1) for i in (0, 4)])


def _phone_at(utterance: Utterance, time: float) -> str:
    for segment in utterance.segments:
        if segment.start <= time < segment.end and segment.ipa != PAUSE:
            return _ASCII.get(segment.ipa, segment.ipa)
    return "."


_ASCII: Final = {
    "ɑ": "aa", "æ": "ae", "ʌ": "ah", "ɔ": "ao", "ə": "ax", "ɚ": "er", "ð": "dh", "ɛ": "eh",
    "ɡ": "g", "ɪ": "ih", "ŋ": "ng", "ɹ": "r", "ʃ": "sh", "θ": "th", "ʊ": "uh", "ʉ": "uw",
    "ʒ": "zh", "ɫ": "l", "ɾ": "dx", "ɐ": "ah",
}  # fmt: skip
"""The drawing font has no IPA."""


def _mouth_of(picture: Image) -> Image:
    height, width = picture.shape[:2]
    x, y, half = width // 2, round(0.585 * height), round(0.085 * width)
    crop = picture[y - half : y + half, x - half : x + half]
    return cv2.resize(crop, (_TILE, _TILE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _write(picture: Image, text: str, x: int, y: int) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw film strips.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="folder of a shipped model")
    options = parser.parse_args()

    avatar = open_avatar(_AVATAR, 512)
    voice = next(v for v in RECORDED_VOICES if v.name == _VOICE)
    (said,) = say(voice, [_SENTENCE], np.random.default_rng(0))
    utterance = framed(said)
    moda = CausalMoDA.load(options.model)
    rows = {
        "truth": truth_of(utterance),
        "MoDA": move(moda, avatar, utterance.speech, moda.chunk),
        "yardstick": move(Yardstick(), avatar, utterance.speech, moda.chunk),
    }
    pictures = {
        "lip_strips.jpg": filmstrip(avatar, utterance, rows),
        "emotions.jpg": emotion_sheet(avatar, moda, utterance.speech),
    }
    for name, picture in pictures.items():
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(options.out / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
