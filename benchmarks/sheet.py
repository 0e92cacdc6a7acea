"""``python -m benchmarks.sheet --out DIR``: a contact sheet of what an avatar's face can do."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from motion.contract import EMOTIONS, Controls, Emotion
from motion.emotion import emotion_offsets
from motion.layout import FloatArray, neutral_motion
from renderer import shapes
from renderer.avatar import EmbeddedAvatar
from renderer.contract import ImageArray
from renderer.decoder import EmbeddedRenderer
from renderer.library import avatar_names, open_avatar

Tile = tuple[str, FloatArray]

HEAD = (0.16, 0.06, 0.68, 0.74)
MOUTH = (0.31, 0.50, 0.38, 0.24)
EYES = (0.31, 0.34, 0.38, 0.16)
"""Parts of the frame that tiles show: left, top, width and height as shares of it."""

WIDTH = 1200
"""Pixels of a sheet."""


def sections() -> list[tuple[tuple[float, float, float, float], int, list[Tile]]]:
    """Parts of the sheet: the part of the frame that is shown, columns, and tiles."""
    mouths = [(name, shapes.mouth_motion(name)) for name in shapes.MOUTHS]
    emotions = [
        (f"{emotion} {intensity:.0%}", _felt(emotion, intensity))
        for emotion in EMOTIONS
        if emotion != "none"
        for intensity in (1.0, 0.5)
    ]
    blink = [(f"lid {i / 7:.0%}", m[None]) for i, m in enumerate(shapes.blink_motion(8))]
    gaze = [(f"gaze {i + 1}", m[None]) for i, m in enumerate(shapes.gaze_motion())]
    brows = [(f"brows {name}", shapes.motion_of(shape)) for name, shape in shapes.BROWS.items()]
    poses = list(shapes.pose_motion(20.0).items())
    return [(MOUTH, 4, mouths), (HEAD, 4, emotions), (EYES, 4, blink), (EYES, 3, gaze),
            (HEAD, 4, brows), (HEAD, 3, poses)]  # fmt: skip


def _felt(emotion: Emotion, intensity: float) -> FloatArray:
    felt: FloatArray = neutral_motion(1) + emotion_offsets(Controls(emotion, intensity))
    return felt


def contact_sheet(avatar: EmbeddedAvatar) -> ImageArray:
    """RGB picture [h, 1200, 3] of mouth shapes, emotions, blink, gaze, brows and poses."""
    renderer = EmbeddedRenderer()
    rows = []
    for (left, top, wide, high), columns, tiles in sections():
        tile_width = WIDTH // columns
        tile_height = round(tile_width * high / wide)
        x, y, w, h = (round(v * avatar.size) for v in (left, top, wide, high))
        for start in range(0, len(tiles), columns):
            row = np.full((tile_height, WIDTH, 3), 255, np.uint8)
            for column, (name, motion) in enumerate(tiles[start : start + columns]):
                frame = renderer.render_rgb(avatar, motion)[0]
                tile = cv2.resize(
                    frame[y : y + h, x : x + w],
                    (tile_width, tile_height),
                    interpolation=cv2.INTER_AREA if w > tile_width else cv2.INTER_CUBIC,
                )
                _label(tile, name)
                row[:, column * tile_width : (column + 1) * tile_width] = tile
            rows.append(row)
    return np.concatenate(rows)


def _label(tile: ImageArray, text: str) -> None:
    """Write ``text`` into the upper left corner, readable on dark and on light pictures."""
    font, around = cv2.FONT_HERSHEY_SIMPLEX, (-1, 0, 1)
    for dx, dy in ((x, y) for y in around for x in around):
        cv2.putText(tile, text, (8 + dx, 20 + dy), font, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    cv2.putText(tile, text, (8, 20), font, 0.5, (40, 40, 40), 1, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw contact sheets of avatars.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write JPEGs to")
    parser.add_argument("--avatar", choices=avatar_names(), help="one avatar instead of all")
    parser.add_argument("--size", type=int, default=512, help="frame size in pixels")
    parser.add_argument("--quality", type=int, default=80, help="JPEG quality, 1 to 100")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in [options.avatar] if options.avatar else avatar_names():
        sheet = contact_sheet(open_avatar(name, options.size))
        path = options.out / f"{name}.jpg"
        cv2.imwrite(
            str(path),
            cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, options.quality],
        )
        print(path)


if __name__ == "__main__":
    main()
