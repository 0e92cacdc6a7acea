"""Eyes as they are rendered: lids that close, irises that aim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from motion.keypoints import LID_TRAVEL, Keypoint
from motion.layout import expression, neutral_motion
from renderer.avatar import EmbeddedAvatar
from renderer.decoder import EmbeddedRenderer
from renderer.eyes import GLINT_SHARE, Eyes
from renderer.raster import over
from renderer.shapes import blink_motion, motion_of
from tests.embedded_face import greenness, mira, painted

K = Keypoint


def with_white_marked() -> EmbeddedAvatar:
    """Mira with the white of her eyes in green, and no iris or glint over it."""
    avatar = mira()
    face = avatar.face.pixels.copy()
    eyes = avatar.eyes
    for rect, inside in zip(eyes.rects, np.split(eyes.inside, 2, axis=1), strict=True):
        over(rect.cut(face), painted(inside))
    blind = without_glint(replace(eyes, iris=np.zeros_like(eyes.iris)))
    return replace(avatar, eyes=blind, face=replace(avatar.face, pixels=face))


def with_iris_marked() -> EmbeddedAvatar:
    """Mira with irises in green."""
    eyes = mira().eyes
    return replace(mira(), eyes=without_glint(replace(eyes, iris=painted(eyes.iris))))


def without_glint(eyes: Eyes) -> Eyes:
    return replace(eyes, glint=np.zeros_like(eyes.glint))


def test_blink_closes_smoothly_and_fully() -> None:
    frames = EmbeddedRenderer().render_rgb(with_white_marked(), blink_motion(21))
    shown = np.array([greenness(frame).sum() for frame in frames])
    assert shown[0] > 500
    assert shown[-1] < 0.01 * shown[0]
    steps = -np.diff(shown)
    assert steps.min() > -0.01 * shown[0]
    assert steps.max() < 0.12 * shown[0]


def test_one_eye_closes_alone() -> None:
    motion = neutral_motion(1)
    expression(motion)[0, K.LID_LEFT, 1] = LID_TRAVEL
    green = greenness(EmbeddedRenderer().render_rgb(with_white_marked(), motion)[0])
    middle = green.shape[1] // 2
    assert green[:, :middle].sum() < 0.02 * green[:, middle:].sum()


@pytest.mark.parametrize("x", [-1.2, -0.6, 0.6, 1.2])
def test_gaze_moves_the_iris_by_the_commanded_amount(x: float) -> None:
    avatar = with_iris_marked()
    motions = np.concatenate([motion_of({}), motion_of({K.GAZE: (x, 0, 0)})])
    frames = EmbeddedRenderer().render_rgb(avatar, motions)
    columns = np.arange(avatar.size)
    middle = avatar.size // 2
    row = round(float(avatar.frame.index(avatar.canonical[K.GAZE, :2])[1]))
    for half in (slice(None, middle), slice(middle, None)):
        places = []
        for frame in frames:
            # Only where no lid cuts into the irises.
            weights = greenness(frame)[row - 2 : row + 3, half].sum(0)
            places.append(float((weights * columns[half]).sum() / weights.sum()))
        commanded = x * 0.01 * avatar.frame.gain
        assert places[1] - places[0] == pytest.approx(commanded, abs=0.4)


def test_glint_goes_a_part_of_the_way_of_the_iris() -> None:
    avatar = mira()
    marked = replace(avatar, eyes=replace(avatar.eyes, glint=painted(avatar.eyes.glint)))
    motions = np.concatenate([motion_of({}), motion_of({K.GAZE: (1.5, 0, 0)})])
    places = []
    for frame in EmbeddedRenderer().render_rgb(marked, motions):
        weights = greenness(frame).sum(0)
        assert weights.sum() > 10
        places.append(float((weights * np.arange(avatar.size)).sum() / weights.sum()))
    commanded = 1.5 * 0.01 * avatar.frame.gain
    assert places[1] - places[0] == pytest.approx(GLINT_SHARE * commanded, abs=0.4)
