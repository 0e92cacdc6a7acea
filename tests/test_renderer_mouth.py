"""The mouth as it is rendered: measured in pixels, not read back from the field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from motion.keypoints import Keypoint
from motion.layout import FloatArray
from renderer import mouth
from renderer.avatar import EmbeddedAvatar
from renderer.decoder import EmbeddedRenderer
from renderer.shapes import Offsets, motion_of, mouth_motion
from tests.embedded_face import GREEN, blank, greenness, mira

K = Keypoint

LIP_EXCESS = -75.0
"""Green less red or blue of the lips; on an edge, what is between this and 255 is shared."""


@pytest.fixture
def green_mouth(monkeypatch: pytest.MonkeyPatch) -> EmbeddedAvatar:
    """Mira with a green cavity and neither teeth nor tongue."""
    monkeypatch.setattr(mouth, "CAVITY", GREEN)
    avatar = mira()
    parts = avatar.mouth
    empty = replace(
        parts,
        upper_teeth=blank(parts.upper_teeth),
        lower_teeth=blank(parts.lower_teeth),
        tongue=blank(parts.tongue),
    )
    return replace(avatar, mouth=empty)


def rendered_gap(avatar: EmbeddedAvatar, motion: FloatArray) -> float:
    """Height in pixels of the opening in the middle of the mouth."""
    column = round(float(avatar.frame.index(avatar.canonical[K.UPPER_INNER, :2])[0]))
    pixels = EmbeddedRenderer().render_rgb(avatar, motion)[0, :, column].astype(float)
    excess = pixels[:, 1] - np.maximum(pixels[:, 0], pixels[:, 2])
    inside = np.flatnonzero(excess > 25)
    if not len(inside):
        return 0.0
    near = excess[inside[0] - 2 : inside[-1] + 3]
    return float(np.clip((near - LIP_EXCESS) / (255 - LIP_EXCESS), 0, 1).sum())


@pytest.mark.parametrize("gap", [1.5, 2.0, 3.0, 5.0, 8.0, 11.0, 13.0])
def test_commanded_gap_is_the_rendered_gap(green_mouth: EmbeddedAvatar, gap: float) -> None:
    opened: Offsets = {
        K.UPPER_INNER: (0, -0.1 * gap, 0),
        K.LOWER_INNER: (0, 0.9 * gap, 0),
        K.LOWER_OUTER: (0, 0.87 * gap, 0),
        K.JAW: (0, 0.75 * gap, 0),
    }
    commanded = gap * 0.01 * green_mouth.frame.gain
    assert rendered_gap(green_mouth, motion_of(opened)) == pytest.approx(commanded, abs=1.0)


@pytest.mark.parametrize("name", ["ah", "eh", "ee", "oh", "oo", "th", "laugh"])
def test_gap_of_named_shapes(green_mouth: EmbeddedAvatar, name: str) -> None:
    motion = mouth_motion(name)
    commanded = float(motion[0, 3 * K.LOWER_INNER + 1] - motion[0, 3 * K.UPPER_INNER + 1])
    pixels = commanded * green_mouth.frame.gain
    assert rendered_gap(green_mouth, motion) == pytest.approx(pixels, abs=1.0)


@pytest.mark.parametrize("name", ["rest", "m b p", "frown"])
def test_closed_lips_show_nothing(green_mouth: EmbeddedAvatar, name: str) -> None:
    frame = EmbeddedRenderer().render_rgb(green_mouth, mouth_motion(name))[0]
    assert greenness(frame).max() < 0.05


def test_round_mouth_is_narrower_than_a_spread_one(green_mouth: EmbeddedAvatar) -> None:
    widths = {}
    for name in ("oo", "ee"):
        frame = EmbeddedRenderer().render_rgb(green_mouth, mouth_motion(name))[0]
        widths[name] = np.ptp(np.flatnonzero((greenness(frame) > 0.5).any(0)))
    assert widths["oo"] < 0.5 * widths["ee"]


def test_upper_teeth_cover_the_lower_lip_for_f() -> None:
    avatar = mira()
    unrolled = mouth_motion("f v")
    unrolled[0, 3 * K.LOWER_INNER + 2] = 0.0
    frames = EmbeddedRenderer().render_rgb(avatar, np.concatenate([mouth_motion("f v"), unrolled]))
    x, y = (int(v) for v in avatar.frame.index(avatar.canonical[K.LOWER_INNER, :2]))
    area = frames[:, y - 4 : y + 10, x - 12 : x + 12].astype(int)
    white = (area.min(-1) > 170).sum((1, 2))
    assert white[0] > white[1] + 40


def test_tongue_shows_between_the_teeth_for_th() -> None:
    avatar = mira()
    inside = mouth_motion("th")
    inside[0, 3 * K.TONGUE + 2] = -0.02
    frames = EmbeddedRenderer().render_rgb(avatar, np.concatenate([mouth_motion("th"), inside]))
    x, y = (int(v) for v in avatar.frame.index(avatar.canonical[K.UPPER_INNER, :2]))
    area = frames[:, y - 2 : y + 8, x - 8 : x + 8].astype(int)
    redness = (area[..., 0] - area[..., 2]).mean((1, 2))
    assert redness[0] > redness[1] + 20
