"""``python -m benchmarks.filmstrip --out DIR``: every avatar speaks, picture by picture."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import cv2
import numpy as np

from avatar_server.conversation.espeak import EspeakTextToSpeech
from avatar_server.embedded import embedded_models
from avatar_server.models import Models, Step
from motion.contract import SAMPLES_PER_FRAME, SPEECH_RATE, Controls
from motion.layout import FPS, FloatArray
from renderer.contract import Avatar, ImageArray
from renderer.library import avatar_names
from streaming.resample import Resampler

SENTENCE = "Put five thin books over there, and show me the blue moon!"
CHUNK = 8
"""Frames that are made at a time."""
PICTURES, COLUMNS, TILE = 24, 8, 144
HEAD = (0.2, 0.14, 0.6, 0.6)
"""Part of the frame that is shown: left, top, width and height as shares of it."""

_CALM = Controls()


async def spoken(text: str) -> FloatArray:
    """``text`` as speech [640 n] without silence at its ends."""
    pieces = []
    async for chunk in EspeakTextToSpeech().synthesize(text, "en-us"):
        resampler = Resampler(chunk.rate, SPEECH_RATE)
        pieces += [resampler.push(chunk.pcm), resampler.flush()]
    pcm = np.concatenate(pieces)
    loud = np.flatnonzero(np.abs(pcm) > 0.02)
    pcm = pcm[loud[0] : loud[-1]]
    return np.pad(pcm, (0, -len(pcm) % (CHUNK * SAMPLES_PER_FRAME)))


def motion_of_speech(
    models: Models, avatar: Avatar, speech: FloatArray, mood: Controls = _CALM
) -> FloatArray:
    """Motion [n, 70] of ``avatar`` in a ``mood`` for ``speech [640 n]``."""
    ahead = models.generator.lookahead * SAMPLES_PER_FRAME
    padded = np.pad(speech, (0, ahead))
    moment, motion = models.begin(avatar), []
    for start in range(0, len(speech), CHUNK * SAMPLES_PER_FRAME):
        end = start + CHUNK * SAMPLES_PER_FRAME
        step = Step(moment, padded[start:end], padded[end : end + ahead], mood)
        ((frames, (*_, moment)),) = models.advance([step])
        motion.append(frames)
    return np.concatenate(motion)


def filmstrip(models: Models, avatar: Avatar, speech: FloatArray) -> ImageArray:
    """BGR picture of :data:`PICTURES` moments of ``avatar`` speaking, in rows."""
    motion = motion_of_speech(models, avatar, speech)
    moments = np.linspace(0, len(motion) - 1, PICTURES).astype(int)
    left, top, width, height = (round(share * avatar.size) for share in HEAD)
    tiles = []
    for moment, frame in zip(moments, models.renderer.render(avatar, motion[moments]), strict=True):
        picture = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)[top : top + height, left:][:, :width]
        tile = cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA)
        text = f"{moment / FPS:.2f} s"
        for colour, thickness in (((255, 255, 255), 3), ((40, 40, 40), 1)):
            cv2.putText(tile, text, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, thickness,
                        cv2.LINE_AA)  # fmt: skip
        tiles.append(tile)
    rows = [np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, PICTURES, COLUMNS)]
    strip: ImageArray = np.concatenate(rows)
    return strip


def main() -> None:
    parser = argparse.ArgumentParser(description="Let every avatar speak the same sentence.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write JPEGs to")
    parser.add_argument("--text", default=SENTENCE)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    models = embedded_models()
    speech = asyncio.run(spoken(options.text))
    for name in avatar_names():
        path = options.out / f"{name}-speaks.jpg"
        strip = filmstrip(models, models.avatar(name), speech)
        cv2.imwrite(str(path), strip, [cv2.IMWRITE_JPEG_QUALITY, 82])
        print(path)


if __name__ == "__main__":
    main()
